import pytest

from pipebench.plan.check import activations_alive
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.costs import UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from tests.builders import GRID, plan_of, texts


def test_wavefront_of_one_microbatch_pipelines_over_time() -> None:
    assert texts(plan_of("wavefront", 2, 1, 3)) == [
        "0F0.0 0F0.1 0F0.2 0B0.2 0B0.1 0B0.0",
        "1F0.0 1F0.1 1F0.2 1B0.2 1B0.1 1B0.0",
    ]


def test_wavefront_is_the_order_of_gpipe_with_other_defaults() -> None:
    for sizes in GRID:
        assert plan_of("wavefront", *sizes) == plan_of("gpipe", *sizes)
    assert (SCHEDULES["wavefront"].microbatches, SCHEDULES["wavefront"].chunks) == (4, 8)


def test_makespan_is_the_closed_form_for_every_size() -> None:
    for stages, microbatches, chunks in GRID[::3]:
        makespan = simulate(plan_of("wavefront", stages, microbatches, chunks), UniformCosts(1, 2)).makespan_s
        assert makespan == pytest.approx(3 * (microbatches * chunks + stages - 1), rel=1e-12)


@pytest.mark.parametrize(("microbatches", "chunks"), [(1, 32), (2, 16), (4, 8), (8, 4), (16, 2), (32, 1)])
def test_microbatches_and_chunks_count_alike_for_the_bubble(microbatches: int, chunks: int) -> None:
    timeline = simulate(plan_of("wavefront", 8, microbatches, chunks), UniformCosts(1, 2))
    assert timeline.makespan_s == 117
    assert timeline.bubble_fraction == pytest.approx(7 / 39, rel=1e-12)


def test_a_stage_starts_a_chunk_as_soon_as_the_stage_below_has_finished_it() -> None:
    timeline = simulate(plan_of("wavefront", 4, 1, 4), UniformCosts(1, 2), latency_only(0.5))
    firsts = [timeline.spans_of(device)[0] for device in range(4)]
    assert [str(span.action) for span in firsts] == ["0F0", "1F0", "2F0", "3F0"]
    assert [span.start_s for span in firsts] == [0.0, 1.5, 3.0, 4.5]


def test_wavefront_keeps_every_chunk_alive() -> None:
    assert [activations_alive(program) for program in plan_of("wavefront", 3, 4, 8).programs] == [32] * 3
