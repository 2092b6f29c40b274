"""``pipebench calibrate`` through the installed command, and what other commands make of it."""

import json
from pathlib import Path

import msgspec
import pytest

from pipebench.comparison import noise_cache
from pipebench.comparison.calibration import noise_of
from tests.builders import steady_record
from tests.cli.conftest import TINY, Pipebench
from tests.cli.saved import save


def test_the_noise_of_this_machine_is_measured_and_kept(pipebench: Pipebench, tmp_path: Path) -> None:
    options = ("--gpus", "2", *TINY, "--layers", "2")
    ended = pipebench("calibrate", "--launches", "4", "--json", "--", *options, XDG_CACHE_HOME=str(tmp_path))
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    (kept,) = (tmp_path / "pipebench").glob("noise-*.json")
    assert json.loads(kept.read_text())["log_sd"] == found["log_sd"]
    assert f"kept in {kept}" in ended.err
    assert found["launches"] == 4
    assert found["key"]["config.schedule"] == "gpipe"
    assert 0 < found["detectable"]["speedup"]["12"] < found["detectable"]["speedup"]["3"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--launches", "2"], "expected at least 4"),
        (["--", "--bad"], "No such option: --bad"),
        (["--preset", "tiny"], "No such option: --preset; it is one of run's, which come last, after --"),
    ],
)
def test_what_cannot_be_calibrated_is_one_line(
    pipebench: Pipebench, arguments: list[str], words: str
) -> None:
    ended = pipebench("calibrate", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    said = [line for line in ended.err.splitlines() if not line.startswith("  0% ")]  # what took long
    assert len(said) == 1


@pytest.mark.parametrize("command", ["check", "compare"])
def test_a_threshold_below_the_noise_is_warned_of(
    pipebench: Pipebench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    save(tmp_path, one=steady_record(), other=steady_record(1.001, id="other"))
    noise = msgspec.structs.replace(noise_of(steady_record()), log_sd={"words_per_s": 0.03, "speedup": 0.001})
    noise_cache.save(noise)
    names = ("other.json", "--against", "one.json") if command == "check" else ("one.json", "other.json")
    ended = pipebench(command, *names, "--json", cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert ended.code == 0, ended.err
    (warning,) = json.loads(ended.out)["warnings"]
    assert warning["code"] == "threshold-below-noise"
    assert warning["cause"].startswith("words/s: the threshold of 3 % is below the 7.47 % that 6")
