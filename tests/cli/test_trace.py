"""``pipebench trace``, through the installed command."""

import gzip
from pathlib import Path

import pytest

from pipebench.records import documents
from tests.builders import completed_record, ended_run, simulation_record, steady_record
from tests.cli.conftest import CompletedRun, Pipebench
from tests.cli.saved import save
from tests.cli.test_full_disk import limited
from tests.render.perfetto.recorded import recorded
from tests.render.perfetto_reader import read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path, run=completed_record(), ended=ended_run(completed_record(), timeline=None))
    for name, record in (("simulation", simulation_record()), ("recorded", recorded())):
        (tmp_path / f"{name}.json").write_bytes(documents.encode(record))
    return tmp_path


def test_a_measured_run_becomes_a_compressed_trace(
    pipebench: Pipebench, completed: CompletedRun, tmp_path: Path
) -> None:
    ended = pipebench("trace", "latest", "--records", str(completed.folder), "-o", "t.json.gz", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        "wrote t.json.gz: the timeline of one step, emulated, virtual time; open it in https://ui.perfetto.dev\n"
    )
    trace = read(gzip.decompress((tmp_path / "t.json.gz").read_bytes()))
    assert trace.other_data["record"] == completed.record["id"]
    assert len(trace.processes) == 4
    assert all(name.endswith("(emulated, virtual time)") for name in trace.processes.values())


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        ("run", "emulated, virtual time"),
        ("simulation", "simulated"),
        ("recorded", "wall clock, recorded by another program"),
    ],
)
def test_every_kind_with_a_timeline_says_what_it_is(
    pipebench: Pipebench, folder: Path, name: str, evidence: str
) -> None:
    ended = pipebench("trace", f"{name}.json", "-o", "t.json", cwd=folder)
    assert ended.code == 0
    assert f"wrote t.json: the timeline of one step, {evidence}; open it" in ended.err
    assert read((folder / "t.json").read_bytes()).other_data["times"] == evidence


def test_the_compressed_one_is_the_same_and_has_no_date(pipebench: Pipebench, folder: Path) -> None:
    for name in ("a.json", "a.json.gz", "b.json.gz"):
        assert pipebench("trace", "run.json", "-o", name, cwd=folder).code == 0
    packed = (folder / "a.json.gz").read_bytes()
    assert packed == (folder / "b.json.gz").read_bytes()
    assert gzip.decompress(packed) == (folder / "a.json").read_bytes()


def test_it_can_go_to_stdout(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("trace", "run.json", "-o", "/dev/stdout", cwd=folder)
    assert ended.code == 0
    assert len(read(ended.out.encode()).flows) == 4


def test_a_folder_gets_a_file_for_each_device(pipebench: Pipebench, folder: Path) -> None:
    for _ in range(2):  # the second time over the files of the first
        ended = pipebench("trace", "run.json", "-o", "traces/", cwd=folder)
        assert (ended.code, ended.out) == (0, "")
        assert ended.err == (
            "wrote traces: 2 files, one of each device, emulated, virtual time; "
            "HolisticTraceAnalysis reads the folder\n"
        )
    assert sorted(path.name for path in (folder / "traces").iterdir()) == ["rank0.json.gz", "rank1.json.gz"]
    for rank in range(2):
        document = gzip.decompress((folder / "traces" / f"rank{rank}.json.gz").read_bytes())
        assert read(document).rank == {"rank": rank, "world_size": 2}
        assert f'"rank": {rank},'.encode() in document


@pytest.mark.parametrize("other", ["rank7.json.gz", "mine.json", "mine.json.gz"])
def test_a_folder_with_another_trace_is_refused(pipebench: Pipebench, folder: Path, other: str) -> None:
    place = folder / "traces"
    place.mkdir()
    assert pipebench("trace", "run.json", "-o", str(place / "rank7.json.gz"), cwd=folder).code == 0
    (place / "rank7.json.gz").rename(place / other)
    ended = pipebench("trace", "run.json", "-o", "traces", cwd=folder)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "pipebench: error: -o traces/: expected no other trace in this folder than rank0.json.gz to rank1.json.gz, "
        f"found {other}, which readers of the folder would take for one more device; name another folder\n"
    )
    assert [path.name for path in place.iterdir()] == [other]


@pytest.mark.parametrize(
    ("record", "code", "why"),
    [
        ("ended.json", 2, "ended.json: this run ended before a step was measured: it has no timeline"),
        ("both.json", 2, "both.json: a comparison has no timeline: name a run, a simulation or a trace"),
        ("none.json", 2, "none.json: no such record"),
        ("broken.json", 10, "broken.json: not a pipebench record"),
        ("foreign.json", 10, "timeline: not one of this configuration"),
        ("", 2, "'': expected the name of a record, found nothing"),
    ],
)
def test_a_record_without_a_timeline_is_refused(
    pipebench: Pipebench, folder: Path, record: str, code: int, why: str
) -> None:
    save(folder, a=steady_record(), b=steady_record())
    compared = pipebench("compare", "a.json", "b.json", "--format", "json", cwd=folder)
    (folder / "both.json").write_text(compared.out)
    (folder / "broken.json").write_text("[1")
    whole = (folder / "run.json").read_text()
    (folder / "foreign.json").write_text(whole.replace('"1F1"', '"7F1"'))
    ended = pipebench("trace", record, "-o", "t.json", cwd=folder)
    assert (ended.code, ended.out) == (code, "")
    assert why in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not (folder / "t.json").exists()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (
            "no/t.json",
            "-o no/t.json: cannot be written: there is no such folder; make it, or name another file",
        ),
        (
            "no/traces/",
            "-o no/traces: cannot be written: there is no such folder; make it, or name another file",
        ),
        (
            "run.json",
            "-o run.json: expected no file or one of pipebench's traces, found another, which would be lost",
        ),
        (
            "x.gz",
            "-o x.gz: expected no file or one of pipebench's traces, found another, which would be lost",
        ),
        ("run.json/", "-o run.json/: expected a folder, found a file"),
        ("-", "-o '-': expected the name of a file; for stdout name /dev/stdout"),
        ("", "-o '': expected the name of a file; for stdout name /dev/stdout"),
    ],
)
def test_no_other_file_is_lost(pipebench: Pipebench, folder: Path, place: str, why: str) -> None:
    (folder / "x.gz").write_bytes(gzip.compress(b'{"traceEvents": []}'))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ended = pipebench("trace", "run.json", "-o", place, cwd=folder)
    assert (ended.code, ended.out, ended.err) == (2, "", f"pipebench: error: {why}\n")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_trace_of_ours_is_replaced_compressed_or_not(pipebench: Pipebench, folder: Path) -> None:
    for name in ("t.json", "t.json.gz"):
        assert pipebench("trace", "run.json", "-o", name, cwd=folder).code == 0
        assert pipebench("trace", "simulation.json", "-o", name, cwd=folder).code == 0
    assert read((folder / "t.json").read_bytes()).other_data["times"] == "simulated"


def test_a_full_disk_leaves_the_older_trace(pipebench: Pipebench, folder: Path) -> None:
    assert pipebench("trace", "run.json", "-o", "t.json", cwd=folder).code == 0
    before = (folder / "t.json").read_bytes()
    ended = limited(1, "trace", "run.json", "-o", "t.json", cwd=folder)
    assert ended.code == 7
    assert "-o t.json: cannot be written: it is larger than a file may be (ulimit -f)" in ended.err
    assert (folder / "t.json").read_bytes() == before


def test_where_it_goes_must_be_said(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("trace", "run.json", cwd=folder)
    assert ended.code == 2
    assert "--output" in ended.err
