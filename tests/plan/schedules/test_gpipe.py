import pytest

from pipebench.plan.check import activations_alive
from pipebench.timing.costs import UniformCosts
from pipebench.timing.simulator import simulate
from tests.builders import GRID, plan_of, texts


def test_gpipe_runs_all_forwards_then_all_backwards_mirrored() -> None:
    assert texts(plan_of("gpipe", 2, 3)) == ["0F0 0F1 0F2 0B2 0B1 0B0", "1F0 1F1 1F2 1B2 1B1 1B0"]


def test_gpipe_goes_through_chunks_in_time_and_back_in_reverse() -> None:
    assert texts(plan_of("gpipe", 1, 2, 2)) == ["0F0.0 0F0.1 0F1.0 0F1.1 0B1.1 0B1.0 0B0.1 0B0.0"]


def test_gpipe_keeps_every_microbatch_alive() -> None:
    for stages, microbatches, chunks in GRID:
        programs = plan_of("gpipe", stages, microbatches, chunks).programs
        assert [activations_alive(program) for program in programs] == [microbatches * chunks] * stages


def test_makespan_is_the_closed_form_for_every_size() -> None:
    for stages, microbatches, chunks in GRID:
        timeline = simulate(plan_of("gpipe", stages, microbatches, chunks), UniformCosts(1, 2))
        slots = microbatches * chunks + stages - 1
        assert timeline.makespan_s == pytest.approx(3 * slots, rel=1e-12)
        assert timeline.bubble_fraction == pytest.approx((stages - 1) / slots, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("stages", "microbatches", "makespan"), [(2, 4, 15), (4, 8, 33), (8, 8, 45), (8, 32, 117)]
)
def test_published_makespans(stages: int, microbatches: int, makespan: int) -> None:
    assert simulate(plan_of("gpipe", stages, microbatches), UniformCosts(1, 2)).makespan_s == makespan


@pytest.mark.parametrize(("microbatches", "speedup"), [(4, 2.91), (8, 4.27), (16, 5.57), (32, 6.56)])
def test_published_speedups_on_8_devices(microbatches: int, speedup: float) -> None:
    makespan = simulate(plan_of("gpipe", 8, microbatches), UniformCosts(1, 2)).makespan_s
    assert round(3 * 8 * microbatches / makespan, 2) == speedup


def test_gpipe_keeps_16_of_16_stage_inputs_alive_on_4_stages() -> None:
    assert [activations_alive(program) for program in plan_of("gpipe", 4, 16).programs] == [16] * 4
