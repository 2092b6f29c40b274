"""One launch of a command: the record it gives, or why it gives none."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipebench.errors import (
    DeadlineError,
    EnvironmentRefusedError,
    RunBrokenError,
    RunFailedError,
    UnusableOutputError,
    UsageError,
)
from pipebench.guard import commands
from pipebench.guard.commands import Measured, Side, launch
from pipebench.guard.metric import metric_named
from pipebench.records import documents, store
from pipebench.records.command import CommandRecord
from pipebench.telemetry import gpus

MEASURED = Measured(metric_named("step_s"))


def side(tmp_path: Path, program: str, **changes: object) -> Side:
    made = Side("B", "with X", [sys.executable, "-c", program], tmp_path, {"X": "secret"}, {"commit": "abc"})
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_launch_keeps_all_values_and_counts_those_behind_the_first(tmp_path: Path) -> None:
    printed = "import json\nfor x in (9, 1, 2, 4): print(json.dumps({'step_s': x}))"
    found = launch(side(tmp_path, printed), MEASURED, tmp_path)
    assert found.launches[0].samples == [9.0, 1.0, 2.0, 4.0]
    assert (found.launches[0].skipped, found.launches[0].value, found.value) == (1, 2.0, 2.0)
    assert 0 < found.launches[0].wall_s < 60
    assert (found.status, found.command[0], found.environment["commit"]) == (
        "completed",
        sys.executable,
        "abc",
    )
    assert found.warnings == []


def test_no_value_of_a_variable_gets_into_the_record(tmp_path: Path) -> None:
    printed = "import os; print('{\"step_s\": %s}' % len(os.environ['X']))"
    found = launch(side(tmp_path, printed), MEASURED._replace(skip=0), tmp_path)
    assert (found.value, found.variables) == (6.0, ["X"])
    assert b"secret" not in documents.encode(found)


def test_a_command_knows_its_side_and_its_folder(tmp_path: Path) -> None:
    printed = (
        "import os; print('{\"step_s\": %d}' % (os.environ['PIPEBENCH_SIDE'] == 'B' "
        "and os.environ['PWD'] == os.getcwd()))"
    )
    found = launch(side(tmp_path, printed, folder=tmp_path.resolve()), MEASURED._replace(skip=0), tmp_path)
    assert found.value == 1.0


@pytest.mark.parametrize(
    ("program", "words", "log"),
    [
        (
            "raise ValueError('no such data')",
            r"side B \(with X\): .* ended with exit code 1: ValueError: no such data",
            True,
        ),
        ("import os; os.abort()", "was killed by signal 6", False),
        ("print('bad'); raise SystemExit(3)", "ended with exit code 3: bad", False),
        (
            "import sys; sys.exit('[rank0]: RuntimeError: boom\\na.ChildFailedError:\\n====')",
            r"exit code 1: \[rank0\]: RuntimeError: boom",
            True,
        ),
        ("print('{\"step_s\": NaN}')", "step_s is NaN", False),
    ],
)
def test_what_fails_is_told_by_its_last_word(tmp_path: Path, program: str, words: str, log: bool) -> None:
    with pytest.raises(RunFailedError, match=words) as error:
        launch(side(tmp_path, program), MEASURED, tmp_path)
    assert bool(error.value.log) == log
    assert error.value.exit_code == 6


def test_its_errors_are_kept_whole(tmp_path: Path) -> None:
    with pytest.raises(RunBrokenError) as error:
        launch(side(tmp_path, "import sys; sys.stderr.write('x' * 300000); sys.exit(1)"), MEASURED, tmp_path)
    assert isinstance(error.value.log, Path)
    assert error.value.log.stat().st_size == 300_000


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "sys.stderr.write('ValueError: no data\\n')",
            "found 0 lines, .*; the last word of its stderr: ValueError: no data$",
        ),
        (
            "sys.stderr.write('x\\n{\"step_s\": 1}\\n' * 3)",
            r"its stderr has step_s \(3 of the last lines .*on stdout$",
        ),
        ("print('{\"step_s\": 0}'); sys.stderr.write('bad')", "1 cannot be used .*stderr: bad$"),
        ("pass", "ends in a JSON object$"),
    ],
)
def test_what_printed_nothing_usable_leaves_its_errors(tmp_path: Path, script: str, words: str) -> None:
    with pytest.raises(UnusableOutputError, match=words) as error:
        launch(side(tmp_path, f"import sys; {script}"), MEASURED, tmp_path)
    assert bool(error.value.log) == (script != "pass")
    assert (error.value.exit_code, isinstance(error.value, UsageError)) == (2, True)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_line_that_is_told_is_short_and_seen(tmp_path: Path, stream: str) -> None:
    script = (
        f"import sys; sys.{stream}.write(chr(0) * 70000 + chr(27) + '[31mbad\\t' + 'x' * 60000); sys.exit(1)"
    )
    with pytest.raises(RunFailedError, match=r"exit code 1: (bad )?x+") as error:
        launch(side(tmp_path, script), MEASURED, tmp_path)
    assert len(str(error.value)) < 600
    assert str(error.value).isprintable()


def test_time_that_has_passed_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeadlineError, match=r"did not end within 0.3 s: give more --timeout"):
        launch(side(tmp_path, "import time; time.sleep(60)"), MEASURED._replace(within_s=0.3), tmp_path)


def test_what_prints_nothing_usable_is_a_matter_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"side B .*: expected lines such as .* with the keys loss"):
        launch(side(tmp_path, "print('{\"loss\": 1}')"), MEASURED, tmp_path)


def test_the_record_tells_the_machine_and_nothing_of_our_own_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [gpus.Gpu(name, None, None, ()) for name in ("NVIDIA H100", "NVIDIA A100", "NVIDIA H100")]
    monkeypatch.setattr(gpus, "gpus", lambda: found)
    commands._gpus.cache_clear()
    kept = launch(side(tmp_path, "print('{\"step_s\": 1}')"), MEASURED._replace(skip=0), tmp_path).environment
    commands._gpus.cache_clear()
    assert kept["gpus"] == "1 x NVIDIA A100, 2 x NVIDIA H100"
    assert {"cpu_model", "cpus_allowed", "pipebench"} < kept.keys()
    assert not {"python", "libc", "implementation"} & kept.keys()


def test_a_run_that_it_starts_is_not_beside_it(tmp_path: Path) -> None:
    script = (
        "from pipebench.telemetry import other_runs\nwith other_runs.watched() as another:\n"
        "    print('{\"step_s\": %d}' % (1 + another()))"
    )
    found = launch(side(tmp_path, script), MEASURED._replace(skip=0), tmp_path)
    assert (found.value, found.warnings) == (1.0, [])


def test_what_cannot_be_started_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(EnvironmentRefusedError, match=r"side B .*: ./text: cannot be started"):
        launch(side(tmp_path, "", command=["./text"]), MEASURED, tmp_path)


def test_a_record_that_was_kept_is_read_again(tmp_path: Path) -> None:
    found = launch(side(tmp_path, "print('{\"step_s\": 1}')"), MEASURED._replace(skip=0), tmp_path)
    read = store.read(store.write(found, tmp_path))
    assert isinstance(read, CommandRecord)
    assert read == found


def test_a_full_disk_is_the_systems_refusal(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefusedError, match="the system refuses"):
        launch(side(tmp_path, ""), MEASURED, tmp_path / "nowhere")
