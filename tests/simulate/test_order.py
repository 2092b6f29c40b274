from pipebench.plan.actions import Operation
from pipebench.plan.check import weights_waiting
from pipebench.simulate.options import SimulationOptions
from pipebench.simulate.order import order_costs
from pipebench.simulate.simulation import plan_of, simulation

W = Operation.BACKWARD_WEIGHT


def options(**changes: object) -> SimulationOptions:
    given = {"schedule": "wavefront-zb", "stages": 3, "microbatches": 2, "chunks": 4, "forward_s": 2.0}
    return SimulationOptions(**{**given, **changes})  # type: ignore[arg-type]


def test_the_given_costs_are_told_by_stage_and_the_chunks_of_one_by_their_mean() -> None:
    asked = options(
        backward_input_s=3.0,
        backward_weight_s=1.0,
        stage_costs="1,2,1:3",
        chunk_costs="1,1,1,5",
        transfer_s=0.5,
        link=("0-1 x 4",),
    )
    graph = asked.graph(2, 4)
    found = order_costs(graph, asked.costs(graph), asked.topology, 0)
    assert [cell.slice_s for cell in found.forward] == [4.0, 8.0, 4.0]
    assert [cell.slice_s for cell in found.backward_input] == [6.0, 12.0, 18.0]
    assert [cell.slice_s for cell in found.backward_weight] == [2.0, 4.0, 6.0]
    assert found.forward_message_s == (2.0, 0.5, 0.0)
    assert found.backward_message_s == (0.0, 2.0, 0.5)
    assert not found.ports


def test_an_order_is_made_from_the_given_costs() -> None:
    dear, cheap = (plan_of(options(backward_weight_s=w, backward_input_s=2.0)) for w in (8.0, 0.01))
    assert dear.programs != cheap.programs
    assert max(map(weights_waiting, dear.programs)) >= 1


def test_a_step_of_equal_costs_has_next_to_no_bubble_beyond_the_fill() -> None:
    found = simulation(options(stages=4, chunks=16, forward_s=1.0))
    least_s = 3 * 32 + 3  # all of the last device's work, behind the fill
    assert least_s <= found.makespan_s <= 1.03 * least_s
