import pytest
from msgspec.structs import replace

from pipebench.errors import UsageError
from pipebench.plan.device_kind import DeviceKind
from pipebench.records.graphs import timeline_of_run
from pipebench.render.svg.record import record_svg
from tests.builders import completed_record, ended_run, simulation_record
from tests.hostile import hostile_record
from tests.render.svg.drawn import assert_words_keep_apart, bars, root_of, words


def test_a_run_is_drawn_with_its_evidence_and_its_figures() -> None:
    record = completed_record()
    drawn = record_svg(record, "x.json")
    assert drawn.evidence == "emulated, virtual time"
    assert words(drawn.document, "evidence") == ["emulated, virtual time"]
    assert words(drawn.document, "title") == ["2 emulated devices"]
    assert words(drawn.document, "layers") == ["embedding + LSTM 0", "LSTM 1 + projection"]
    told = " ".join(words(drawn.document, "note"))
    assert f"bubble {100 * record.bubble.fraction:.0f} % of all device time; speed-up 2.00x." in told
    assert "Virtual time: work was measured device by device" in told
    assert record.id in told


def test_every_action_of_the_run_is_drawn() -> None:
    record = completed_record()
    timeline = timeline_of_run(record)
    assert timeline is not None
    drawn = record_svg(record, "x.json").document
    assert len(bars(drawn, "forward")) + len(bars(drawn, "backward")) == len(timeline.spans)


def test_what_the_wall_clock_measured_says_so() -> None:
    record = completed_record(clock="wall", machine=None)
    measured = replace(record, device=replace(record.device, kind=DeviceKind.CPU))
    drawn = record_svg(measured, "x.json")
    assert drawn.evidence == "wall clock"
    assert words(drawn.document, "title") == ["2 cpu devices"]
    assert "irtual" not in drawn.document


def test_a_simulation_is_never_taken_for_a_measurement() -> None:
    drawn = record_svg(simulation_record(), "x.json")
    assert drawn.evidence == "simulated"
    assert words(drawn.document, "title") == ["2 simulated devices"]
    assert "costs as given, nothing measured" in drawn.document
    assert "The measured step" not in drawn.document


def test_an_attack_is_words_and_nothing_else() -> None:
    record = hostile_record()
    layers = [replace(device, layers=record.id + "\x1b\x00]]><a/>" * 9) for device in record.devices]
    document = record_svg(replace(record, devices=layers), "x.json").document
    tags = {element.tag.rpartition("}")[2] for element in root_of(document).iter()}
    assert tags == {
        *("svg", "title", "desc", "style", "defs", "pattern", "rect", "path", "g", "text"),
    }
    assert all(letter.isprintable() or letter == "\n" for letter in document)
    assert_words_keep_apart(document)


def test_a_record_without_a_timeline_is_refused_in_a_line() -> None:
    with pytest.raises(UsageError, match=r"^x\.json: this run ended before a step was measured"):
        record_svg(ended_run(completed_record(), timeline=None), "x.json")
