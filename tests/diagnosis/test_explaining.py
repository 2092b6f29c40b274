from math import prod

import msgspec
import pytest

from pipebench.diagnosis import waterfall as steps
from pipebench.diagnosis.explaining import explanation
from pipebench.errors import CorruptRecordError, UsageError
from pipebench.records import documents
from tests.builders import completed_record, ended_run
from tests.diagnosis.explained import Costs


def test_all_of_an_explanation_is_of_the_record() -> None:
    record = Costs(stages={2: 1.5}, transfer_s=0.25).record()
    found = explanation(record, "latest")
    assert (found.record, found.device, found.clock) == (record.id, "emulated", "virtual")
    assert found.status == "completed"
    assert found.devices == record.devices
    assert found.bubble == record.bubble
    assert found.speedup == pytest.approx(record.speedup.value)
    assert prod(each.factor for each in found.waterfall) == pytest.approx(found.speedup)
    assert [each.step for each in found.waterfall][::9] == [steps.DEVICES, steps.UNEXPLAINED]
    (replayed,) = found.replay.steps
    assert replayed.simulated_s == pytest.approx(replayed.measured_s)
    assert len(found.what_if) == 10
    assert b'"kind": "explanation"' in documents.encode(found)


def test_what_was_asked_takes_the_place_of_the_best() -> None:
    found = explanation(Costs().record(), "latest", ["device 0 x 0.5"])
    assert [each.change for each in found.what_if] == ["device 0 x 0.5"]


def test_a_run_without_a_step_and_a_timeline_that_is_none_are_refused() -> None:
    ended = ended_run(completed_record(), launches=[], timeline=None, speedup=None)
    with pytest.raises(UsageError, match="aborted, without a complete launch: there is no step to explain"):
        explanation(ended, "latest")
    record = completed_record()
    short = msgspec.structs.replace(record.timeline, spans=record.timeline.spans[:-1])
    with pytest.raises(CorruptRecordError, match="cannot be run again"):
        explanation(completed_record(timeline=short), "latest")
