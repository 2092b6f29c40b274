from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.render.pieces import Kind, Piece, columns, pieces
from pipebench.timing.costs import MeasuredCosts, UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Span, Timeline


def test_a_device_is_cut_into_what_it_did_and_what_it_waited_for() -> None:
    # 0F0 0-1, on the way 1-3, 1F0 3-4, 1B0 4-5, on the way 5-7, 0B0 7-8
    timeline = simulate(SCHEDULES["gpipe"].plan(Graph(2, 1)), UniformCosts(1, 1), latency_only(2.0))
    assert pieces(timeline, 0) == [
        Piece(0, 1, Kind.FORWARD, Action(Operation.FORWARD, 0, 0)),
        Piece(1, 5, Kind.WAITING),
        Piece(5, 7, Kind.TRANSFER),
        Piece(7, 8, Kind.BACKWARD, Action(Operation.BACKWARD, 0, 0)),
    ]


def test_the_halves_of_a_backward_are_kinds_of_their_own() -> None:
    graph = Graph(1, 1, split_backward=True)
    operations = (Operation.FORWARD, Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT)
    spans = tuple(Span(0, Action(each, 0, 0), n, n + 1) for n, each in enumerate(operations))
    assert [piece.kind for piece in pieces(Timeline(graph, spans), 0)] == [
        Kind.FORWARD,
        Kind.BACKWARD_INPUT,
        Kind.BACKWARD_WEIGHT,
    ]


def test_the_rest_of_the_step_and_the_norm_are_other_work() -> None:
    graph = Graph(1, 1, clips=True)
    costs = MeasuredCosts(dict.fromkeys(graph.actions(), 1.0), before={0: 0.5}, after={0: 0.5})
    timeline = simulate(SCHEDULES["gpipe"].plan(graph), costs)
    found = pieces(timeline, 0)
    assert [piece.kind for piece in found] == [
        *(Kind.OTHER, Kind.FORWARD, Kind.BACKWARD),
        *[Kind.OTHER] * 4,  # the share of the norm, the norm, taking note of it, the optimizer
    ]
    assert sum(piece.end_s - piece.start_s for piece in found) == timeline.makespan_s == 6.0


def test_a_column_shows_what_takes_most_of_it() -> None:
    found = [Piece(2.0, 2.6, Kind.FORWARD), Piece(2.6, 4.0, Kind.BACKWARD), Piece(4.6, 5.0, Kind.WAITING)]
    assert columns(found, 2.0, 5.0, 3) == [Kind.FORWARD, Kind.BACKWARD, Kind.IDLE]


def test_columns_of_no_time_are_idle() -> None:
    assert columns([], 0.0, 0.0, 2) == [Kind.IDLE, Kind.IDLE]
