import json
from pathlib import Path

import msgspec
import pytest

from pipebench.comparison import baselines
from pipebench.errors import CorruptRecordError, MissingError, UsageError
from pipebench.records.baseline import BaselineRecord
from pipebench.records.figures import Speedup
from pipebench.records.run import CompletedRun
from pipebench.records.schema import Ending, WarningRecord
from tests.builders import (
    ended_run,
    launch,
    measured_record,
    own_record,
    steady_record,
    with_config,
)

RECORD = steady_record()
OTHER = with_config(RECORD, hidden=64)


def saved(folder: Path, record: CompletedRun = RECORD, **options: object) -> BaselineRecord:
    return baselines.read(baselines.save(record, "main", "released", folder, **options))  # type: ignore[arg-type]


def test_a_saved_run_is_found_for_a_run_it_can_be_compared_with(tmp_path: Path) -> None:
    found = saved(tmp_path)
    assert (found.name, found.reason, found.record, found.replaced) == ("main", "released", RECORD, [])
    path, record = baselines.find("main", steady_record(1.2, id="new"), tmp_path)
    assert record == RECORD
    assert path.parent == tmp_path / "main"


def test_a_name_holds_one_run_for_each_configuration(tmp_path: Path) -> None:
    saved(tmp_path)
    saved(tmp_path, OTHER)
    assert baselines.find("main", RECORD, tmp_path)[1] == RECORD
    assert baselines.find("main", OTHER, tmp_path)[1] == OTHER
    assert len(list(baselines.read_all(tmp_path, "main"))) == 2


def test_a_configuration_without_a_baseline_is_told_what_differs(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(MissingError, match=r"none for this configuration; .* differs in config\.hidden$"):
        baselines.find("main", OTHER, tmp_path)
    with pytest.raises(MissingError, match="none of this name"):
        baselines.find("other", RECORD, tmp_path)
    assert baselines.find("main", OTHER, tmp_path, frozenset({"config.hidden"}))[1] == RECORD


def test_of_several_that_may_pass_the_one_that_differs_least_is_taken(tmp_path: Path) -> None:
    near, far = with_config(RECORD, hidden=64), with_config(RECORD, hidden=64, vocab=300)
    allowed = frozenset({"config.hidden", "config.vocab", "config.batch"})
    for record in (near, far):
        saved(tmp_path, record)
    assert baselines.find("main", RECORD, tmp_path, allowed)[1] == near
    saved(tmp_path)
    assert baselines.find("main", RECORD, tmp_path, allowed)[1] == RECORD
    for record in (near, with_config(RECORD, vocab=300)):
        saved(tmp_path / "tie", record)
    with pytest.raises(MissingError, match=r"several fit equally well: .*\.json, .*\.json"):
        baselines.find("main", RECORD, tmp_path / "tie", allowed)


def test_a_damaged_baseline_of_another_configuration_is_in_nobody_s_way(tmp_path: Path) -> None:
    saved(tmp_path)
    damaged = baselines.save(OTHER, "main", "released", tmp_path)
    damaged.write_text("{")
    assert baselines.find("main", RECORD, tmp_path)[1] == RECORD
    with pytest.raises(CorruptRecordError, match="restore it from version control"):
        baselines.find("main", OTHER, tmp_path)
    kinds = {path: type(each) for path, each in baselines.tried(tmp_path)}
    assert sorted(each.__name__ for each in kinds.values()) == ["BaselineRecord", "CorruptRecordError"]
    assert kinds[damaged] is CorruptRecordError


def test_a_key_of_before_a_field_counted_is_still_good(tmp_path: Path) -> None:
    path = baselines.save(RECORD, "main", "released", tmp_path)
    document = json.loads(path.read_bytes())
    del document["key"]["config.checkpoint"]
    document["sha256"] = baselines._digest(json.dumps(document).encode())
    older = path.with_name(f"{baselines._hash(document['key'])}.json")
    older.write_text(json.dumps(document))
    path.unlink()
    assert baselines.find("main", RECORD, tmp_path)[0] == older
    assert baselines.verify(tmp_path) == [(older, None)]


def test_a_noisy_run_is_saved_with_reservations() -> None:
    assert baselines.reservations(RECORD) == []
    hot = WarningRecord("throttled", "hot", "cool")
    split = [launch([19.0], [step]) for step in (9.3, 9.7, 9.31, 9.71, 9.3, 9.7)]
    shared = WarningRecord("cpu-contention", "x", "y")
    noisy = measured_record(split, warnings=[shared, hot, WarningRecord("imbalance", "x", "y")])
    assert baselines.reservations(noisy) == ["cpu-contention", "throttled", "bimodal"]


def test_a_baseline_is_replaced_by_promotion_only_and_remembers(tmp_path: Path) -> None:
    saved(tmp_path)
    newer = steady_record(0.9, id="newer")
    with pytest.raises(UsageError, match="use pipebench baseline promote"):
        saved(tmp_path, newer)
    found = saved(tmp_path, newer, promote=True)
    assert found.record.id == "newer"
    assert [(each.id, each.reason) for each in found.replaced] == [(RECORD.id, "released")]
    with pytest.raises(MissingError, match="no saved baseline for this configuration yet"):
        saved(tmp_path, OTHER, promote=True)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (
            msgspec.structs.replace(RECORD, speedup=Speedup(9.0, 8.0, 10.0)),
            "contradicts itself: speedup.value",
        ),
        (measured_record(RECORD.launches[:3]), "expected >= 4 launches, found 3"),
    ],
)
def test_what_no_check_can_be_held_against_is_refused(
    tmp_path: Path, record: CompletedRun, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        saved(tmp_path, record)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("status", ["aborted", "failed"])
def test_a_run_that_was_not_completed_is_no_baseline(status: Ending) -> None:
    assert baselines.completed(RECORD) is RECORD
    with pytest.raises(UsageError, match=f"expected a completed run, found one that is {status}"):
        baselines.completed(ended_run(RECORD, status))


def test_a_run_that_failed_verification_is_refused(tmp_path: Path) -> None:
    assert RECORD.verification is not None
    wrong = msgspec.structs.replace(RECORD.verification, max_relative_gradient_error=1.0)
    with pytest.raises(CorruptRecordError, match="gradients differ"):
        saved(tmp_path, msgspec.structs.replace(RECORD, verification=wrong))


@pytest.mark.parametrize("name", ["", "latest", "../up", "a/b", ".hidden", "a b", "x" * 65, "ä"])
def test_a_name_that_is_no_plain_word_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        baselines.save(RECORD, name, "released", tmp_path)
    assert not baselines.exists(name, tmp_path)


def test_a_baseline_needs_a_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--reason"):
        baselines.save(RECORD, "main", "  ", tmp_path)


def edited(path: Path, **record: object) -> None:
    document = json.loads(path.read_bytes())
    for field, value in record.items():
        document["record"][field] = value
    path.write_text(json.dumps(document))


def test_verify_finds_what_was_edited_moved_or_cut(tmp_path: Path) -> None:
    paths = [baselines.save(RECORD, name, "released", tmp_path) for name in ("a", "b", "c", "d")]
    assert baselines.verify(tmp_path) == [(path, None) for path in paths]
    config = json.loads(paths[0].read_bytes())["record"]["config"]
    edited(paths[0], config=config | {"hidden": 64})
    edited(paths[1], launches=json.loads(paths[1].read_bytes())["record"]["launches"][:4])
    paths[2].write_bytes(paths[2].read_bytes()[:500])
    (tmp_path / "e").mkdir()
    paths[3].rename(tmp_path / "e" / paths[3].name)
    problems = {path.parent.name: problem for path, problem in baselines.verify(tmp_path)}
    assert "not that of the run in it" in (problems["a"] or "")
    assert "edited after it was saved" in (problems["b"] or "")
    assert "not a pipebench record" in (problems["c"] or "")
    assert "not that of the run in it" in (problems["e"] or "")


@pytest.mark.parametrize(
    "change", [{"reason": "as good"}, {"replaced": [], "saved": "2020"}, {"sha256": "0" * 64}]
)
def test_whatever_of_it_was_edited_is_found(tmp_path: Path, change: dict[str, object]) -> None:
    path = baselines.save(RECORD, "main", "released", tmp_path)
    path.write_text(json.dumps(json.loads(path.read_bytes()) | change))
    with pytest.raises(CorruptRecordError, match="was edited after it was saved"):
        baselines.read(path)


def test_a_baseline_without_its_digest_is_none(tmp_path: Path) -> None:
    path = baselines.save(RECORD, "main", "released", tmp_path)
    document = json.loads(path.read_bytes())
    del document["sha256"]
    path.write_text(json.dumps(document))
    with pytest.raises(CorruptRecordError, match="sha256"):
        baselines.read(path)


def test_what_is_in_a_baseline_s_place_and_no_file_is_told_and_hinders_no_list(tmp_path: Path) -> None:
    good = baselines.save(RECORD, "main", "released", tmp_path)
    (tmp_path / "main/away.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "main/folder.json").mkdir()
    found = dict(baselines.tried(tmp_path))
    assert isinstance(found.pop(good), BaselineRecord)
    assert [type(each) for each in found.values()] == [CorruptRecordError] * 2


def test_a_reason_is_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected text, found bytes"):
        baselines.save(RECORD, "main", "\udcff bad", tmp_path)


def test_a_baseline_that_was_edited_is_not_used(tmp_path: Path) -> None:
    path = baselines.save(RECORD, "main", "released", tmp_path)
    config = json.loads(path.read_bytes())["record"]["config"]
    edited(path, config=config | {"hidden": 64})
    with pytest.raises(CorruptRecordError):
        baselines.find("main", OTHER, tmp_path)


def test_a_baseline_of_before_there_were_other_models_is_found_and_promoted_over(tmp_path: Path) -> None:
    """Its key is what it was, though the run has figures that the saved one lacks."""
    assert RECORD.config.input is not None
    newer = with_config(RECORD, input=msgspec.structs.replace(RECORD.config.input, items_per_step=512.0))
    path = baselines.save(RECORD, "main", "released", tmp_path)
    assert "config.input.words_per_step" in baselines.read(path).key
    assert baselines.find("main", newer, tmp_path)[0] == path
    assert baselines.save(newer, "main", "newer", tmp_path, promote=True) == path
    assert len(baselines.read(path).replaced) == 1


def test_own_models_have_baselines_by_name_layers_and_what_they_are_relative_to(tmp_path: Path) -> None:
    for record in (RECORD, own_record(), own_record(devices=2)):
        saved(tmp_path, record)
    for record in (own_record(1.1), own_record(1.1, devices=2)):
        found = baselines.find("main", record, tmp_path)[1]
        assert found.baseline.devices == record.baseline.devices
    assert own_record().config.model is not None
    other = msgspec.structs.replace(own_record().config.model, name="other")
    with pytest.raises(MissingError, match=r"differs in config\.model\.name$"):
        baselines.find("main", with_config(own_record(), model=other), tmp_path)
