from math import isclose

from pipebench.foreign.rows import Row
from pipebench.foreign.times import Times, sent
from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.numbers import Numbers
from pipebench.plan.transfers import messages_of
from pipebench.timing.timeline import Span, Timeline
from tests.foreign.tables import timeline


def moved(step: Timeline, action: Action, by_s: float) -> Timeline:
    """The step with one operation at another time."""
    spans = (
        each._replace(start_s=each.start_s + by_s, end_s=each.end_s + by_s) if each.action == action else each
        for each in step.spans
    )
    return Timeline(step.graph, tuple(spans))


def test_what_begins_before_its_input_is_there_is_found() -> None:
    step = timeline(stages=2, microbatches=2, schedule="gpipe")
    numbers = Numbers(step.graph)
    assert not list(Times(numbers, step).inverted())
    early = moved(step, Action(Operation.FORWARD, 1, 1), -2e-4)
    ((needed, span, early_s),) = Times(numbers, early).inverted()
    assert (needed.action, span.action) == (
        Action(Operation.FORWARD, 0, 1),
        Action(Operation.FORWARD, 1, 1),
    )
    assert isclose(early_s, 2e-4)


def test_the_earliest_comes_first() -> None:
    step = timeline(stages=2, microbatches=2, schedule="gpipe")
    for action in (Action(Operation.BACKWARD, 0, 1), Action(Operation.FORWARD, 1, 0)):
        step = moved(step, action, -2e-4)
    found = [span.action.text(of_chunks=1) for _, span, _ in Times(Numbers(step.graph), step).inverted()]
    assert found == ["1F0", "0B1"]


def test_halves_of_a_backward_that_is_one_row_do_not_need_each_other() -> None:
    graph = Graph(1, 1, split_backward=True)
    spans = (
        Span(0, Action(Operation.FORWARD, 0, 0), 0.0, 1.0),
        Span(0, Action(Operation.BACKWARD, 0, 0), 1.0, 3.0),
    )
    assert not list(Times(Numbers(graph), Timeline(graph, spans)).inverted())


def test_messages_leave_when_they_were_sent_and_no_later_than_they_are_used() -> None:
    step = timeline(stages=2, microbatches=2, schedule="gpipe", transfer_s=1e-3)
    times, messages = Times(Numbers(step.graph), step), messages_of(step.graph)
    by_name = {each.message.producer.text(of_chunks=1): each for each in times.transfers(messages, {})}
    assert list(by_name) == ["0F0", "0F1", "1B0", "1B1"]
    assert (by_name["0F0"].ready_s, by_name["0F0"].end_s) == (1e-3, 2e-3)
    rows = [
        Row(0, 0, 0, "SEND_F", 0, 0, 1.4e-3, 9.0),
        Row(0, 0, 0, "SEND_F", 0, 0, 1.5e-3, 9.0),
        Row(0, 0, 0, "SEND_F", 0, 1, 5.0, 9.0),
        Row(0, 0, 1, "SEND_B", 1, None, 5.0, 9.0),
        Row(0, 0, 1, "OPTIMIZER", 1, 0, 5.0, 9.0),
    ]
    assert sent(rows) == {("SEND_F", 0, 0): 1.4e-3, ("SEND_F", 0, 1): 5.0}
    late = {each.message.producer.text(of_chunks=1): each for each in times.transfers(messages, sent(rows))}
    assert (late["0F0"].ready_s, late["0F0"].end_s) == (1.4e-3, 2e-3)
    assert late["0F1"].ready_s == late["0F1"].end_s == by_name["0F1"].end_s
    assert late["1B0"] == by_name["1B0"]
