import pytest

from pipebench.errors import CorruptRecordError
from pipebench.foreign.torch_profiler.events import Event, Trace
from pipebench.foreign.torch_profiler.labels import labels_of, stages_of, windows_of


def trace(*names: str, cat: str = "user_annotation") -> Trace:
    events = [
        (number, Event(ph="X", cat=cat, name=name, ts=10.0 * number, dur=9))
        for number, name in enumerate(names)
    ]
    return Trace("t.json", 0, 1, (), 0, events)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Forward 3", ("F", None, 3)),
        ("Backward 12", ("B", None, 12)),
        ("PP:0F3", ("F", 0, 3)),
        ("PP:2B0", ("B", 2, 0)),
        ("PP:10I7", ("I", 10, 7)),
        ("PP:1W7", ("W", 1, 7)),
        ("PP:1RECV_F0", ("RECV_F", 1, 0)),
        ("PP:1SEND_B11", ("SEND_B", 1, 11)),
        ("PP:1REDUCE_GRAD", ("REDUCE_GRAD", 1, None)),
        ("PP:3UNSHARD", ("UNSHARD", 3, None)),
    ],
)
def test_both_forms_are_read(name: str, key: tuple[str, int | None, int | None]) -> None:
    [label] = labels_of(trace("something", name))
    assert label.key == key
    assert (label.start, label.end, label.number) == (10, 19, 1)


def test_the_optimizer_is_a_label_but_no_pipeline() -> None:
    found = labels_of(trace("PP:0F0", "Optimizer.step#AdamW.step"))
    assert found[1].key == ("OPTIMIZER", None, None)
    with pytest.raises(CorruptRecordError, match="expected labels of torch"):
        labels_of(trace("Optimizer.step#AdamW.step"))


def test_other_names_and_other_categories_are_no_labels() -> None:
    for other in ("Forward", "Forward x", "Forward 1 of 2", "PP:F0", "PP:0f0", "my PP:0F0"):
        with pytest.raises(CorruptRecordError, match="got none"):
            labels_of(trace(other))
    with pytest.raises(CorruptRecordError, match="got none"):
        labels_of(trace("PP:0F0", cat="gpu_user_annotation"))


def test_two_actions_as_one_are_refused() -> None:
    with pytest.raises(CorruptRecordError, match=r"event 1: .*\(0F1;1B2\)OVERLAP_F_B"):
        labels_of(trace("PP:0F0", "PP:(0F1;1B2)OVERLAP_F_B"))


def test_steps_and_stages_are_told() -> None:
    of = trace("ProfilerStep#7", "PP:1F0", "PP:3F0", "ProfilerStep#8", "ProfilerStep")
    assert [tuple(window) for window in windows_of(of)] == [(7, 0, 9), (8, 30, 39)]
    assert stages_of(labels_of(of)) == {1, 3}
    assert stages_of(labels_of(trace("Forward 0"))) == frozenset()
