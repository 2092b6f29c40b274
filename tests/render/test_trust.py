"""How far a result can be trusted, in one line."""

from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET

from pipebench.plan.device_kind import DeviceKind
from pipebench.records import store
from pipebench.records.figures import Accuracy
from pipebench.records.run import RunRecord
from pipebench.render.trust import trust
from pipebench.run.accuracy import packaged, quote, unstudied
from tests.builders import completed_record

ROOT = Path(__file__).parents[2]
STUDY = packaged()
HERE = {"cpu_model": STUDY.cpu_model, "cpu_count": STUDY.cpu_count, "torch": STUDY.torch}
WITHIN = f"{STUDY.speedup_ratio_low:.2f} to {STUDY.speedup_ratio_high:.2f} times"


def of(accuracy: Accuracy | None) -> tuple[str, ...]:
    return trust(completed_record(accuracy=accuracy))


def measured(**changes: object) -> RunRecord:
    record = completed_record(clock="wall", machine=None, **changes)
    return msgspec.structs.replace(record, device=msgspec.structs.replace(record.device, kind=DeviceKind.CPU))


def test_on_such_a_machine_it_says_how_near_and_what_was_not_tried() -> None:
    forms = of(quote(STUDY, **HERE))
    assert forms[-1] == f"{WITHIN} the real speed-up on {STUDY.devices} ranks; more were not tried"
    assert all(WITHIN in form and "more were not tried" in form for form in forms)
    assert len(forms[-1]) <= 70


def test_of_a_model_that_was_not_studied_every_form_says_so_first() -> None:
    forms = of(quote(STUDY, **HERE, studied=False))
    assert all(form.startswith("this model was not tried; ") and WITHIN in form for form in forms)
    assert len(forms[-1]) <= 70


@pytest.mark.parametrize("studied", [True, False])
def test_a_record_with_the_sentence_alone_says_the_same(studied: bool) -> None:
    found = quote(STUDY, **HERE, studied=studied)
    assert of(msgspec.structs.replace(found, figures=UNSET)) == of(found)


def test_figures_are_those_of_the_record_and_not_of_its_sentence() -> None:
    found = msgspec.structs.replace(quote(STUDY, **HERE), text="said in other words")
    assert of(found) == of(quote(STUDY, **HERE))


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        (
            "schedules",
            "on such a machine emulated speed-ups were 1.01 to 1.19 times real ones on 2 ranks; more were not tried",
        ),
        (
            "lstm-and-transformer/transformer/gpipe-4",
            "this model was not tried; emulated speed-ups of a stacked LSTM were 1.01 to 1.19 times real ones on "
            "2 ranks",
        ),
    ],
)
def test_a_committed_record_of_before_says_what_it_always_said(folder: str, line: str) -> None:
    record = store.read(next((ROOT / "results" / folder).glob("*-emulated8-gpipe-*.json")))
    assert isinstance(record, RunRecord)
    assert record.accuracy is not None
    assert record.accuracy.figures is UNSET, "a record from before there were such figures"
    assert trust(record)[0] == line


@pytest.mark.parametrize(
    ("accuracy", "known"),
    [
        (quote(STUDY, **{**HERE, "cpu_model": "another"}), "unknown here"),
        (unstudied(STUDY), "unknown for layers of your own"),
    ],
)
def test_what_is_unknown_has_no_figures(accuracy: Accuracy, known: str) -> None:
    forms = of(accuracy)
    assert forms[-1] == f"how near this is to real devices: {known}"
    assert not any("times" in form for form in forms)


def test_a_record_without_a_study_says_that_it_has_none() -> None:
    assert "says nothing of how near that is" in of(None)[0]


def test_a_measured_result_says_by_what() -> None:
    assert trust(measured()) == (
        "measured by the wall clock; nothing is emulated; 2 launches, each a fresh start",
        "measured by the wall clock; nothing is emulated",
    )
    one = measured(launches=completed_record().launches[:1])
    assert trust(one)[0].endswith("; one launch says nothing of the spread")
    cuda = msgspec.structs.replace(one, device=msgspec.structs.replace(one.device, kind=DeviceKind.CUDA))
    assert trust(cuda)[-1] == "measured by CUDA events; nothing is emulated"
