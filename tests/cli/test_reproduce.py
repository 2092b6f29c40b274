"""``pipebench reproduce`` from the command line to its record, with sizes that nobody waits for."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipebench.cli.main import run
from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.errors import EnvironmentRefusedError, InterruptedRunError, RunFailedError, UsageError
from pipebench.records import store
from pipebench.records.reproduction import ReproductionRecord
from pipebench.records.schema import Failure
from pipebench.reproduction import measuring, readings
from tests.cli.conftest import Pipebench, cpu_s, limit_s


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The readings with tiny models, two launches of each."""
    resolved = resolve

    def small(options: RunOptions) -> Any:
        tiny = {"talk8-small": "tiny", "seq2seq-2014-small": "seq2seq-tiny"}[options.preset or ""]
        chunks = None if options.chunks is None else options.chunks // 2
        return resolved(msgspec.structs.replace(options, preset=tiny, chunks=chunks, steps=1))

    monkeypatch.setattr(readings, "resolve", small)
    monkeypatch.setattr(measuring, "LEAST_LAUNCHES", 2)


@pytest.mark.usefixtures("_tiny")
def test_a_verdict_for_each_pipeline_a_record_and_the_same_page_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["reproduce", "--budget", "1", "--json", "--quiet", "-o", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    (path,) = tmp_path.glob("*.json")
    record = store.read(path)
    assert isinstance(record, ReproductionRecord)
    assert json.loads(path.read_bytes()) == printed
    assert (printed["kind"], printed["status"]) == ("reproduction", "completed")
    assert [each["reading"] for each in printed["verdicts"]] == ["talk", "talk", "paper", "paper"]
    for each in printed["verdicts"]:
        assert each["evidence"] == "emulated"
        assert each["verdict"] in {"consistent", "inconsistent", "unclear"}
        assert each["low"] <= each["value"] <= each["high"]
        assert each["claimed"] in {3.5, 6300 / 1700}
    errors = [each["verification"]["max_relative_gradient_error"] for each in printed["runs"]]
    assert max(errors) <= 1e-5
    assert run(["show", str(path)]) == 0
    page = capsys.readouterr().out
    assert "emulated devices cannot do that" in page
    assert "6,300" in page
    assert run(["list", str(tmp_path)]) == 0
    assert record.id in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "html"), "--format 'html': expected one of page, json, md"),
        (("--json", "--format", "md"), "--json and --format md exclude each other"),
        (("--budget", "0"), "--budget must be a number of seconds from 1 to"),
        (("--budget", "nan"), "--budget must be a number of seconds from 1 to"),
    ],
)
def test_bad_options_are_refused_with_one_line(
    pipebench: Pipebench, arguments: tuple[str, ...], said: str
) -> None:
    ended = pipebench("reproduce", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""


def test_a_folder_that_is_a_file_is_refused_before_anything_is_measured(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    ended = pipebench("reproduce", "-o", str(file))
    assert ended.code == 2
    assert "expected a folder" in ended.err


def test_the_machine_of_2014_on_paper_without_torch_and_at_once(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("reproduce", "--simulate", "--json", "-o", str(tmp_path))
    assert ended.code == 0, ended.err
    printed = json.loads(ended.out)
    (path,) = tmp_path.glob("*.json")
    assert json.loads(path.read_bytes()) == printed
    assert [(each["reading"], each["evidence"]) for each in printed["verdicts"]] == [("paper", "simulated")]
    for each in printed["verdicts"]:
        assert each["low"] <= each["value"] <= each["high"]
        assert each["verdict"] in {"consistent", "inconsistent", "unclear"}
    shown = pipebench("show", str(path))
    assert shown.code == 0, shown.err
    assert "simulated: the machine of 2014 on paper" in " ".join(shown.out.split())
    again = pipebench("reproduce", "--simulate", "--format", "md", "--budget", "5")
    assert again.code == 0, again.err
    assert "no effect, on paper nothing is measured" in again.err
    assert "K40" in again.out


def test_on_paper_no_torch_is_imported_and_it_takes_less_than_5_s() -> None:
    program = (
        "import sys; from pipebench.cli.main import run; code = run(['reproduce', '--simulate']); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    spent = cpu_s(lambda: subprocess.run([sys.executable, "-c", program], capture_output=True, check=True))
    assert spent < 5.0 or spent < limit_s(5.0)


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize("complete", [0, 2])
@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (OSError(28, "No space left on device", "/there/file"), 7, "failed"),
        (EnvironmentRefusedError("the GPU is busy"), 7, "failed"),
        (UsageError("the file was changed"), 2, "failed"),
        (RunFailedError("a rank died"), 6, "failed"),
        (InterruptedRunError(), 130, "aborted"),
    ],
)
def test_what_is_complete_is_kept_whatever_ends_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    error: Exception,
    code: int,
    status: str,
    complete: int,
) -> None:
    def broken(_: object) -> None:
        raise error

    monkeypatch.setattr(measuring.Reproduction, "measure", broken)
    monkeypatch.setattr(measuring.Reproduction, "launches", complete)
    assert run(["reproduce", "--quiet", "-o", str(tmp_path)]) == code
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    found = [store.read(path) for path in tmp_path.glob("*.json")]
    if complete or code in (6, 130):
        (record,) = found
        assert isinstance(record, ReproductionRecord)
        assert record.status == status
        assert record.failure is not None
        assert record.failure.exit_code == code
    else:
        assert found == []


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize("complete", [0, 2])
def test_a_bug_of_ours_costs_no_complete_launch_and_stays_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, complete: int
) -> None:
    def broken(_: object) -> None:
        raise KeyError("layer")

    monkeypatch.setattr(measuring.Reproduction, "measure", broken)
    monkeypatch.setattr(measuring.Reproduction, "launches", complete)
    assert run(["reproduce", "--quiet", "-o", str(tmp_path)]) == 1
    *above, last = capsys.readouterr().err.splitlines()
    assert last.startswith("pipebench: error: this is a bug in pipebench")
    paths = list(tmp_path.glob("*.json"))
    kept = [f"kept: complete launches: 2, pipebench show {path}" for path in paths]
    assert len(paths) == complete // 2
    assert above[len(above) - len(kept) :] == kept
    for path in paths:
        record = store.read(path)
        assert isinstance(record, ReproductionRecord)
        assert record.failure == Failure(1, "a bug in pipebench: KeyError('layer')")
