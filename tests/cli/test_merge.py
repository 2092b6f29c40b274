"""``pipebench merge``: launches of one configuration become one record; of others, none."""

import json
from pathlib import Path

import msgspec
import pytest

from pipebench.records import store
from pipebench.records.devices import RankRecord
from pipebench.records.run import RunRecord
from pipebench.records.trace import TraceLaunch, TraceRecord
from tests.ab.launches import one_launch
from tests.builders import ended_run, with_config
from tests.cli.conftest import Pipebench
from tests.cli.inside import printed
from tests.trace_records import planned, trace_record

STEPS = [(19.0, 9.5), (19.2, 9.7), (18.9, 9.4)]


def on_hosts(record: RunRecord, *names: str) -> RunRecord:
    ranks = [RankRecord(name, number, "cpu") for number, name in enumerate(names)]
    return msgspec.structs.replace(record, device=msgspec.structs.replace(record.device, ranks=ranks))


def stored(folder: Path, *records: RunRecord) -> list[Path]:
    return [
        store.write(msgspec.structs.replace(record, id=f"{record.id}-{number}"), folder)
        for number, record in enumerate(records)
    ]


def test_launches_become_one_record_with_its_interval(pipebench: Pipebench, tmp_path: Path) -> None:
    paths = stored(tmp_path / "in", *[one_launch(*steps) for steps in STEPS])
    ended = pipebench("merge", *map(str, paths), "-o", str(tmp_path / "out"), "--json")
    assert ended.code == 0, ended.err
    (path,) = (tmp_path / "out").iterdir()
    assert ended.out.encode() == path.read_bytes()
    record = json.loads(ended.out)
    assert [launch["pipeline"]["step_s"][0] for launch in record["launches"]] == [9.5, 9.7, 9.4]
    assert record["speedup"]["low"] < record["speedup"]["value"] < record["speedup"]["high"]
    checked = pipebench("check", str(path), "--against", str(path), cwd=tmp_path)
    assert checked.code in (0, 4), checked.err


def test_a_folder_is_all_its_runs(pipebench: Pipebench, tmp_path: Path) -> None:
    stored(tmp_path / "in", *[one_launch(*steps) for steps in STEPS])
    ended = pipebench("merge", str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    assert ended.code == 0, ended.err
    assert "3 records, 3 launches" in ended.out
    assert "95 % interval 1.96 to 2.04, 3 launches" in ended.out


def test_a_folder_says_which_of_its_runs_were_left_out(pipebench: Pipebench, tmp_path: Path) -> None:
    stored(tmp_path / "in", *[one_launch(*steps) for steps in STEPS], ended_run(one_launch(9.0, 4.0)))
    ended = pipebench("merge", str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    assert ended.code == 0, ended.err
    assert "3 records, 3 launches" in ended.out
    assert "1 record left out: not completed, or unreadable" in ended.err


def test_what_was_merged_before_counts_no_launch_twice(pipebench: Pipebench, tmp_path: Path) -> None:
    """The record lies in the folder that is merged, as by default."""
    paths = stored(tmp_path, *[one_launch(*steps) for steps in STEPS])
    for _ in range(2):
        ended = pipebench("merge", str(tmp_path), "-o", str(tmp_path), "--json")
        assert ended.code == 0, ended.err
        record = json.loads(ended.out)
        assert len(record["launches"]) == 3
        assert record["merged_from"] == [path.stem for path in paths]
    again = tmp_path / f"{record['id']}.json"
    ended = pipebench("merge", str(again), str(paths[0]), "-o", str(tmp_path / "out"))
    assert ended.code == 2
    assert "has launches that" in ended.err


@pytest.mark.parametrize("changes", [{"seed": 5}, {"steps": 3}])
def test_launches_that_did_other_work_are_refused(
    pipebench: Pipebench, tmp_path: Path, changes: dict[str, object]
) -> None:
    one = one_launch()
    paths = stored(tmp_path / "in", one, with_config(one, **changes))
    ended = pipebench("merge", *map(str, paths), "-o", str(tmp_path / "out"))
    assert ended.code == 5
    assert f"config.{next(iter(changes))}" in ended.err


def test_hosts_may_be_others_but_not_more_of_them(pipebench: Pipebench, tmp_path: Path) -> None:
    one = one_launch()
    same = stored(tmp_path / "same", on_hosts(one, "a", "b"), on_hosts(one, "c", "d"))
    assert pipebench("merge", *map(str, same), "-o", str(tmp_path / "out")).code == 0
    other = stored(tmp_path / "other", on_hosts(one, "a", "b"), on_hosts(one, "a", "a"))
    ended = pipebench("merge", *map(str, other), "-o", str(tmp_path / "out"))
    assert ended.code == 5
    assert "device.hosts 2 hosts, 1 + 1 ranks -> 1 host, 2 ranks" in ended.err


def test_another_configuration_is_refused_by_its_field(pipebench: Pipebench, tmp_path: Path) -> None:
    one = one_launch()
    paths = stored(tmp_path / "in", one, with_config(one, batch=64, dtype="float64"))
    ended = pipebench("merge", *map(str, paths), "-o", str(tmp_path / "out"))
    assert (ended.code, ended.out) == (5, "")
    assert "is not of the configuration of" in ended.err
    assert "config.batch" in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("0",), "expected two records or more, found 1"),
        (("0", "0"), "a launch counts once: name one of them"),
        (("0", "2"), "expected a completed run, this one is aborted"),
        (("0", "nothing"), "nothing"),
    ],
)
def test_what_cannot_be_merged_is_refused(
    pipebench: Pipebench, tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    one = one_launch()
    paths = stored(tmp_path / "in", one, one, ended_run(one, speedup=None))
    arguments = [str(paths[int(name)]) if name.isdecimal() else name for name in names]
    ended = pipebench("merge", *arguments, "-o", str(tmp_path / "out"), cwd=tmp_path)
    assert ended.code == 2
    assert words in ended.err


def traces(folder: Path, *records: TraceRecord) -> list[str]:
    return [str(store.write(record, folder)) for record in records]


def test_recorded_runs_are_merged_and_then_there_is_a_verdict(tmp_path: Path) -> None:
    """One a side tells nothing, four a side find steps that are 10 % longer."""
    before = traces(tmp_path / "before", *(trace_record(n) for n in range(4)))
    after = traces(tmp_path / "after", *(trace_record(n, 1.1) for n in range(4, 8)))
    code, out, _ = printed("check", after[0], "--against", before[0], cwd=tmp_path)
    assert (code, b"need >= 4 launches" in out) == (4, True)
    for side in ("before", "after"):
        code, out, err = printed("merge", side, "-o", f"{side}-merged", cwd=tmp_path)
        assert code == 0, err
        assert b"4 records, 4 launches" in out
    found = store.read(next((tmp_path / "after-merged").iterdir()))
    assert isinstance(found, TraceRecord)
    assert found.merged_from == [Path(path).stem for path in after]
    code, out, _ = printed("check", "after-merged", "--against", "before-merged", cwd=tmp_path)
    assert (code, b"regression" in out) == (3, True)
    assert printed("check", "before-merged", "--against", "before-merged", cwd=tmp_path)[0] == 0
    for form in ("table", "json", "md", "csv", "html", "junit", "github"):
        code, out, err = printed("compare", "before-merged", "after-merged", "--format", form, cwd=tmp_path)
        assert (code, b"regression" in out.lower()) == (0, True), (form, err)


def test_recorded_runs_of_the_same_files_count_once(tmp_path: Path) -> None:
    one = trace_record(0)
    paths = traces(tmp_path, one, msgspec.structs.replace(one, id="again"))
    code, _, err = printed("merge", *paths, "-o", "out", cwd=tmp_path)
    assert (code, b"a launch counts once" in err) == (2, True)


def of_two_replicas() -> TraceRecord:
    record = trace_record(1)
    other = [msgspec.structs.replace(step, replica=1) for step in record.steps]
    return msgspec.structs.replace(record, launches=[TraceLaunch([*record.steps, *other])])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (trace_record(1, plan=planned(microbatches=8)), "plan.microbatches 4 -> 8"),
        (of_two_replicas(), "replicas 1 -> 2"),
        (one_launch(), "a run: merge records of one kind"),
    ],
)
def test_a_recorded_run_is_merged_with_its_like(
    tmp_path: Path, other: TraceRecord | RunRecord, words: str
) -> None:
    paths = [str(store.write(each, tmp_path / "in")) for each in (trace_record(0), other)]
    code, out, err = printed("merge", *paths, "-o", "out", cwd=tmp_path)
    assert (code, out) == (5, b"")
    assert words in err.decode()
    assert err.count(b"\n") == 1
