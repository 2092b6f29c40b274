import pytest

from pipebench.foreign.torch_profiler.events import Event, Trace
from pipebench.foreign.torch_profiler.labels import Label
from pipebench.foreign.torch_profiler.on_cpu import timed
from pipebench.foreign.torch_profiler.steps import Numbered


def trace(*events: tuple[str, float, float]) -> Trace:
    made = [Event("X", "user_annotation", name, 1, 1, start, end - start) for name, start, end in events]
    return Trace("t.json", 0, 1, (), 0, list(enumerate(made)))


def pieces(of: Trace, *labels: Label, steps: tuple[int, ...] = ()) -> list[tuple[str, float, float]]:
    numbers = steps or (0,) * len(labels)
    found = timed(of, [Numbered(step, label) for step, label in zip(numbers, labels, strict=True)])
    return [(piece.operation, piece.start, piece.end) for piece in found]


FORWARD = Label("F", None, 0, 0, 100, 0)


def test_several_tensors_are_one_message() -> None:
    of = trace(("gloo:recv", 1, 20), ("gloo:recv", 2, 30), ("c10d::send", 80, 85), ("c10d::send", 86, 95))
    assert pieces(of, FORWARD) == [("F", 30, 80), ("RECV_F", 1, 30), ("SEND_F", 80, 95)]


def test_without_messages_all_of_a_label_is_computing() -> None:
    assert pieces(trace(), FORWARD) == [("F", 0, 100)]
    assert pieces(trace(("gloo:recv", 200, 300)), FORWARD) == [("F", 0, 100)]


@pytest.mark.parametrize(
    ("operation", "receive", "start"),
    [("F", "RECV_F", 60), ("B", "RECV_B", 60), ("I", "RECV_B", 60), ("W", "RECV_B", 50)],
)
def test_what_waits_for_a_receive(operation: str, receive: str, start: float) -> None:
    posted, label = Label(receive, 1, 0, 0, 5, 0), Label(operation, 1, 0, 50, 100, 1)
    assert pieces(trace(("gloo:recv", 2, 60)), posted, label) == [(receive, 2, 60), (operation, start, 100)]


def test_the_receive_of_another_step_stage_or_microbatch_is_none_of_its_own() -> None:
    of = trace(("gloo:recv", 2, 60))
    posted = Label("RECV_F", 1, 0, 0, 5, 0)
    label = Label("F", 1, 0, 50, 100, 1)
    for other in (label._replace(stage=0), label._replace(microbatch=1)):
        assert pieces(of, posted, other)[1] == ("F", 50, 100)
    assert pieces(of, posted, label, steps=(0, 1))[1] == ("F", 50, 100)


def test_a_wait_never_lasts_longer_than_its_label() -> None:
    assert pieces(trace(("gloo:recv", 2, 160)), FORWARD)[0] == ("F", 100, 100)
