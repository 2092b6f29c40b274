import pytest

from pipebench.errors import UsageError
from pipebench.models.layout import Shape, Sharing, graph_of
from pipebench.plan.actions import Operation
from pipebench.plan.check import activations_alive
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.costs import SoftmaxCosts, UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from tests.builders import GRID, plan_of, texts


def test_1f1b_warms_up_alternates_and_drains() -> None:
    assert texts(plan_of("1f1b", 3, 4)) == [
        "0F0 0F1 0F2 0B0 0F3 0B1 0B2 0B3",
        "1F0 1F1 1B0 1F2 1B1 1F3 1B2 1B3",
        "2F0 2B0 2F1 2B1 2F2 2B2 2F3 2B3",
    ]


def test_1f1b_with_fewer_microbatches_than_stages() -> None:
    assert texts(plan_of("1f1b", 4, 2))[0] == "0F0 0F1 0B0 0B1"
    assert texts(plan_of("1f1b", 4, 2))[2] == "2F0 2F1 2B0 2B1"
    assert texts(plan_of("1f1b", 4, 2))[3] == "3F0 3B0 3F1 3B1"


def test_1f1b_alternates_whole_microbatches_and_reverses_their_chunks() -> None:
    assert texts(plan_of("1f1b", 2, 2, 2)) == [
        "0F0.0 0F0.1 0F1.0 0F1.1 0B0.1 0B0.0 0B1.1 0B1.0",
        "1F0.0 1F0.1 1B0.1 1B0.0 1F1.0 1F1.1 1B1.1 1B1.0",
    ]


def test_1f1b_keeps_at_most_the_stages_above_and_itself_alive() -> None:
    for stages, microbatches, chunks in GRID:
        plan = plan_of("1f1b", stages, microbatches, chunks)
        alive = [activations_alive(program) for program in plan.programs]
        assert alive == [chunks * min(microbatches, stages - stage) for stage in range(stages)]


def test_1f1b_keeps_4_3_2_1_of_16_stage_inputs_alive_on_4_stages() -> None:
    assert [activations_alive(program) for program in plan_of("1f1b", 4, 16).programs] == [4, 3, 2, 1]


def test_1f1b_backwards_run_in_the_order_of_their_forwards() -> None:
    for program in plan_of("1f1b", 5, 7).programs:
        for operation in (Operation.FORWARD, Operation.BACKWARD):
            assert [a.microbatch for a in program if a.operation is operation] == list(range(7))


def test_makespan_is_that_of_gpipe_for_every_size() -> None:
    for stages, microbatches, chunks in GRID:
        costs = UniformCosts(1, 2)
        makespan = simulate(plan_of("1f1b", stages, microbatches, chunks), costs).makespan_s
        assert makespan == pytest.approx(3 * (microbatches * chunks + stages - 1), rel=1e-12)
        assert makespan == simulate(plan_of("gpipe", stages, microbatches, chunks), costs).makespan_s


@pytest.mark.parametrize(
    ("stages", "microbatches", "makespan"), [(2, 4, 15), (4, 8, 33), (8, 8, 45), (8, 32, 117)]
)
def test_published_makespans(stages: int, microbatches: int, makespan: int) -> None:
    assert simulate(plan_of("1f1b", stages, microbatches), UniformCosts(1, 2)).makespan_s == makespan


TIMES = {  # in ms by parameters and microbatches: T_F, T_B, T_W, T_comm; T_B is the half for the inputs
    ("1.5B", 24): (18.522, 18.086, 9.337, 0.601),
    ("1.5B", 32): (18.513, 18.086, 9.331, 0.626),
    ("1.5B", 64): (18.546, 18.097, 9.321, 0.762),
    ("6.2B", 24): (29.718, 29.444, 19.927, 0.527),
    ("6.2B", 32): (29.802, 29.428, 19.530, 0.577),
    ("6.2B", 64): (29.935, 29.621, 19.388, 0.535),
}


@pytest.mark.parametrize(
    ("schedule", "size", "microbatches", "rate"),
    [
        ("1f1b", "1.5B", 24, 0.2431),
        ("1f1b", "1.5B", 32, 0.1985),
        ("1f1b", "1.5B", 64, 0.1240),
        ("1f1b", "6.2B", 24, 0.2347),
        ("1f1b", "6.2B", 32, 0.1898),
        ("1f1b", "6.2B", 64, 0.1091),
        ("zb-h1", "1.5B", 24, 0.1585),
        ("zb-h1", "1.5B", 64, 0.0674),
        ("zb-h1", "6.2B", 24, 0.1323),
        ("zb-h1", "6.2B", 64, 0.0554),
    ],
)
def test_published_bubble_rates_of_zero_bubble_tables_5_and_9(
    schedule: str, size: str, microbatches: int, rate: float
) -> None:
    """arXiv 2401.10241, 8 stages; a transfer occupies neither end. What a stage takes counts from its first start."""
    forward, backward_input, backward_weight, latency = TIMES[size, microbatches]
    costs = UniformCosts(forward, backward_input=backward_input, backward_weight=backward_weight)
    timeline = simulate(plan_of(schedule, 8, microbatches), costs, latency_only(latency))
    rows = [timeline.spans_of(device) for device in range(8)]
    longest = max(row[-1].end_s - row[0].start_s for row in rows)
    least = microbatches * (forward + backward_input + backward_weight)
    assert round((longest - least) / longest, 4) == rate


def test_the_deep_form_has_two_more_microbatches_in_flight() -> None:
    assert texts(plan_of("1f1b-deep", 2, 5)) == [
        "0F0 0F1 0F2 0F3 0B0 0F4 0B1 0B2 0B3 0B4",
        "1F0 1F1 1F2 1B0 1F3 1B1 1F4 1B2 1B3 1B4",
    ]
    assert [activations_alive(program) for program in plan_of("1f1b-deep", 4, 16).programs] == [6, 5, 4, 3]
    assert texts(plan_of("1f1b-deep", 3, 2)) == ["0F0 0F1 0B0 0B1", "1F0 1F1 1B0 1B1", "2F0 2F1 2B0 2B1"]


def test_the_deep_form_is_as_fast_with_free_messages_and_hides_slow_ones() -> None:
    free = [simulate(plan_of(name, 4, 16), UniformCosts(1, 2)).makespan_s for name in ("1f1b", "1f1b-deep")]
    assert free == [3 * (16 + 3)] * 2
    slow = [
        simulate(plan_of(name, 4, 16), UniformCosts(1, 2), latency_only(1.0)).makespan_s
        for name in ("1f1b", "1f1b-deep")
    ]
    assert slow[1] < slow[0]


@pytest.mark.parametrize(
    ("chain", "sharing", "work"), [(8, "all", 0.5), (8, "all", 2.0), (2, 1, 1.0), (4, 4, 4.0)]
)
def test_the_deep_form_has_room_for_a_shared_softmax_and_the_plain_one_has_none(
    chain: int, sharing: Sharing, work: float
) -> None:
    shards = chain if sharing == "all" else int(sharing or 1)
    graph = graph_of(Shape(chain, sharing), 16, 1, (*[1.0] * chain, *[work / shards] * shards, 0.0))
    costs = SoftmaxCosts(UniformCosts(1, 2), work, graph)
    plain, deep, gpipe = (
        simulate(SCHEDULES[name].plan(graph), costs).makespan_s for name in ("1f1b", "1f1b-deep", "gpipe")
    )
    assert plain > 1.3 * gpipe
    assert deep < 1.06 * gpipe


def test_1f1b_takes_one_stage_a_device() -> None:
    with pytest.raises(UsageError, match="1f1b takes one stage a device, got 4 stages on 2 devices"):
        SCHEDULES["1f1b"].plan(Graph(4, 8, device_of=(0, 1, 0, 1)))


def test_1f1b_follows_the_placement_of_its_stages() -> None:
    plan = SCHEDULES["1f1b"].plan(Graph(2, 2, device_of=(1, 0)))
    assert texts(plan) == ["1F0 1B0 1F1 1B1", "0F0 0F1 0B0 0B1"]
