import sys
from random import Random

import msgspec
import pytest

from pipebench.ab import calibrating
from pipebench.comparison.calibration import key_of
from pipebench.errors import EnvironmentRefusedError, UsageError
from tests.ab.launches import SIDES, Machine, Watcher, one_launch
from tests.builders import with_config


def test_the_noise_is_that_of_the_launches() -> None:
    machine, watcher = Machine(Random(5), log_sd=0.01), Watcher()
    noise, beside = calibrating.measured(lambda: machine.launch(SIDES[0]), 200, watcher)
    assert noise.launches == 200
    assert not beside
    assert noise.log_sd["words_per_s"] == pytest.approx(0.01, rel=0.2)
    assert noise.log_sd["speedup"] == pytest.approx(0.01 * 2**0.5, rel=0.2)
    assert noise.key == key_of(one_launch())
    assert watcher.shares == sorted(watcher.shares)


def test_a_launch_beside_another_run_makes_it_no_noise_to_keep() -> None:
    record = one_launch()
    busy = msgspec.structs.replace(record, environment={"another_run_beside": True})
    records = [record, busy, record, record]
    _, beside = calibrating.measured(lambda: records.pop(0), 4, Watcher())
    assert beside


def test_launches_must_be_alike() -> None:
    records = [one_launch(), with_config(one_launch(), hidden=64)]
    with pytest.raises(EnvironmentRefusedError, match=r"config\.hidden"):
        calibrating.measured(lambda: records.pop(0), 2, Watcher())


@pytest.mark.parametrize(
    ("options", "launches", "words"), [([], 3, "expected at least 4"), (["--json"], 8, "leave it out")]
)
def test_what_cannot_be_calibrated_is_refused(options: list[str], launches: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        calibrating.calibrate(options, launches, Watcher())


def test_windows_is_refused_before_anything_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EnvironmentRefusedError, match="calibrate needs Linux or macOS"):
        calibrating.calibrate([], 8, Watcher())
