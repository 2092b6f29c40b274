"""``pipebench merge``: launches of one configuration become one record; of others, none."""

import json
from pathlib import Path

import msgspec
import pytest

from pipebench.records import store
from pipebench.records.schema import RankRecord, RunRecord
from tests.ab.launches import one_launch
from tests.builders import with_config
from tests.cli.conftest import Pipebench

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
    assert "over 3 launches" in ended.out


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
    paths = stored(tmp_path / "in", one, one, msgspec.structs.replace(one, status="aborted", speedup=None))
    arguments = [str(paths[int(name)]) if name.isdecimal() else name for name in names]
    ended = pipebench("merge", *arguments, "-o", str(tmp_path / "out"), cwd=tmp_path)
    assert ended.code == 2
    assert words in ended.err
