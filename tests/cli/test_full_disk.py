"""What was measured is told whatever happens to the file that should keep it.

A limit on the size of files stands for a full disk: it needs no disk of its own, and no rights.
"""

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pipebench.ab import calibrating
from pipebench.comparison.calibration import noise_of
from pipebench.records import documents, keeping, store
from pipebench.run import ending, experiment
from pipebench.system import pasting
from tests.builders import completed_record, steady_record
from tests.cli import gated
from tests.cli.conftest import COMMAND, Ended, Pipebench, environment
from tests.cli.inside import printed
from tests.cli.test_ab import Ab, ab  # noqa: F401 - a fixture

SMALL = ("--preset", "tiny", "--synthetic", "--gpus", "2", "--layers", "2", "--batch", "2", "--seq-len", "2")
LARGER = ("--preset", "tiny", "--synthetic", "--gpus", "2", "--layers", "2")
RUN = ("run", *SMALL, "--launches", "1", "--steps", "1", "--quiet")


def limited(blocks: int, *arguments: str, cwd: Path, **changes: str) -> Ended:
    """The command where no file may be larger than so many times 1,024 bytes."""
    script = f"ulimit -f {blocks}; exec {shlex.join([str(COMMAND), *arguments])}"
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=cwd,
        env=environment(**changes),
        text=True,
        capture_output=True,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def where_it_is_full(folder: Path, part: str) -> dict[str, str]:
    """Variables under which no file can be written whose path holds ``part``."""
    (folder / "full").mkdir()
    (folder / "full/sitecustomize.py").write_text(
        "import errno\n"
        "from pipebench.system import places\n"
        "write = places.write_whole\n"
        "def full(path, document):\n"
        f"    if {part!r} in str(path):\n"
        "        raise OSError(errno.ENOSPC, 'No space left on device', str(path))\n"
        "    write(path, document)\n"
        "places.write_whole = full\n"
    )
    return {"PYTHONPATH": str(folder / "full")}


def test_the_report_is_printed_where_the_record_cannot_be_written(tmp_path: Path) -> None:
    ended = limited(4, *RUN, "-o", "my results", cwd=tmp_path)
    assert ended.code == 7
    assert "speed-up" in ended.out
    assert "verified" in ended.out
    assert "record   not kept" in ended.out
    (line,) = ended.err.splitlines()
    assert ".json cannot be written in my results: it is larger than a file may be (ulimit -f); raise" in line
    assert "name another folder with -o" in line
    assert not list((tmp_path / "my results").iterdir())


def test_the_record_is_printed_where_it_cannot_be_written(tmp_path: Path) -> None:
    ended = limited(4, *RUN, "-o", "runs", "--json", cwd=tmp_path)
    assert ended.code == 7
    record = documents.decode(ended.out.encode(), "stdout")
    assert record.status == "completed"  # type: ignore[union-attr]
    assert f"{record.id}.json cannot be written in runs" in ended.err  # type: ignore[union-attr]


def test_a_run_that_broke_tells_both(tmp_path: Path) -> None:
    changes = where_it_is_full(tmp_path, "runs/") | {"PIPEBENCH_INJECT": "nan", "TMPDIR": str(tmp_path)}
    ended = limited(10000, *RUN, "-o", "runs", "--json", cwd=tmp_path, **changes)
    assert ended.code == 6
    record = json.loads(ended.out)
    assert record["status"] == "failed"
    first, *_, trouble, kept = ended.err.splitlines()
    assert "loss is nan" in first
    assert f"{record['id']}.json cannot be written in runs: no space left there" in trouble
    assert kept == f"kept: 0 of 1 launches, pipebench show {record['id']}.json"
    assert (tmp_path / f"{record['id']}.json").exists()


def test_a_record_without_its_place_is_kept_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object, **__: object) -> None:
        raise ending.NotStoredError(keeping.keep(completed_record(), tmp_path / "file/runs"))

    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(experiment, "run", ended)
    code, out, err = printed(*RUN, "-o", "runs", cwd=tmp_path)
    (path,) = (tmp_path / "tmp").iterdir()
    assert code == 7
    assert (
        f"file/runs: a file is in the way; name another folder with -o; it is kept in {path.parent}"
        in str(err)
    )
    assert out.decode().splitlines()[-2:] == [
        f"record   tmp/{path.name}",
        f"all      {pasting.command('show', '--all', f'tmp/{path.name}')}",
    ]
    assert store.read(path) == completed_record()


def test_a_disk_that_is_really_full(pipebench: Pipebench, tmp_path: Path) -> None:
    small = tmp_path / "small disk"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may mount nothing")
    try:
        once = ("run", *LARGER, "--launches", "1", "--steps", "1", "--quiet")
        ended = pipebench(*once, "-o", small.name, "--json", cwd=tmp_path, TMPDIR=str(tmp_path))
        temporary = pipebench(*once, "-o", "x", cwd=tmp_path, TMPDIR=str(small))
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert (ended.code, json.loads(ended.out)["status"]) == (7, "completed")
    assert "cannot be written in small disk: no space left there" in ended.err
    assert (temporary.code, temporary.out) == (7, "")
    assert f"temporary files cannot be written in TMPDIR={small}: no space left there" in temporary.err


def test_without_room_for_temporary_files_the_variable_is_named(tmp_path: Path) -> None:
    ended = limited(0, *RUN, cwd=tmp_path, TMPDIR=str(tmp_path))
    assert (ended.code, ended.out) == (7, "")
    assert "temporary files cannot be written: the file size limit is too low; raise it" in ended.err


@pytest.mark.parametrize(
    ("current", "code", "words"), [("slower", 3, "▼ regression"), ("same", 7, "= same"), ("noisy", 4, "?")]
)
def test_a_verdict_is_told_without_its_junit_file(
    tmp_path: Path, current: str, code: int, words: str
) -> None:
    folder = gated.written(tmp_path)
    summary = folder / "summary"
    summary.touch()
    ended = limited(
        *(0, "check", f"{current}.json", "--against", "base.json", "--junit", "x.xml"),
        cwd=folder,
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert ended.code == code
    assert words in ended.out
    assert "--junit x.xml: cannot be written: it is larger than a file may be" in ended.err
    assert f"no job summary: GITHUB_STEP_SUMMARY={summary} cannot be written" in ended.err
    assert not (folder / "x.xml").exists()


def test_an_error_is_told_without_its_junit_file(tmp_path: Path) -> None:
    folder = gated.written(tmp_path)
    ended = limited(0, "check", "same.json", "--against", "none.json", "--junit", "x.xml", cwd=folder)
    assert ended.code == 9
    assert "--junit x.xml: cannot be written" in ended.err
    assert "reference none.json: no such record" in ended.err.splitlines()[-1]


def test_two_sides_have_a_verdict_without_their_records(ab: Ab, tmp_path: Path) -> None:  # noqa: F811
    full = where_it_is_full(tmp_path, "runs/")
    slower = ab("--b-env", "PRETEND_SLOWER=1.1", "--json", "--quiet", **full)
    assert slower.code == 3
    assert json.loads(slower.out)["overall"]["verdict"] == "regression"
    assert slower.err.count("cannot be written in ") == 2
    same = ab("--quiet", "--junit", "ab.xml", **full)
    assert (same.code, "= same" in same.out) == (7, True)
    assert ET.parse(tmp_path / "ab.xml").getroot().get("failures") == "0"
    failed = ab("--b-env", "PRETEND_EXIT=6 a rank died", "--quiet", **full)
    assert failed.code == 6
    assert "cannot be written in " in failed.err
    assert "kept: pipebench show tmp/" in failed.err


def test_what_calibrate_found_is_told_where_it_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "calibrate", lambda *_: (noise_of(steady_record()), False))
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    code, out, err = printed("calibrate", cwd=tmp_path)
    assert (code, b"equal launches" in out) == (7, True)
    assert b"cannot be written in /dev/null/pipebench: a file is in the way" in err
    assert b"XDG_CACHE_HOME" in err


def test_a_template_is_replaced_whole_or_not_at_all(pipebench: Pipebench, tmp_path: Path) -> None:
    assert pipebench("init", "ci", "gitlab", cwd=tmp_path).code == 0
    before = (tmp_path / ".gitlab-ci-pipebench.yml").read_bytes()
    ended = limited(1, "init", "ci", "gitlab", "--force", "--gpus", "4", cwd=tmp_path)
    assert ended.code == 7
    assert ".gitlab-ci-pipebench.yml cannot be written in .: it is larger than a file may be" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == [".gitlab-ci-pipebench.yml"]
    assert (tmp_path / ".gitlab-ci-pipebench.yml").read_bytes() == before


def test_a_baseline_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = gated.written(tmp_path)
    ended = limited(1, "baseline", "save", "base.json", "--reason", "x", cwd=folder)
    assert (ended.code, ended.out) == (7, "")
    assert "not saved: " in ended.err
    assert "it is larger than a file may be" in ended.err
    assert not [path for path in (folder / "results").rglob("*") if path.is_file()]


def test_a_report_that_nobody_can_read_says_where_the_record_is(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [COMMAND, *RUN],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 7
    kept, error = ended.stderr.splitlines()
    (path,) = (tmp_path / "results/runs").iterdir()
    assert kept == f"kept: pipebench show results/runs/{path.name}"
    assert (
        error
        == "pipebench: error: stdout: cannot be written: no space left there; free some, or send it elsewhere"
    )
