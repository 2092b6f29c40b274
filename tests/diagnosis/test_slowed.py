"""The baseline's steps against those of its race."""

import msgspec
import pytest

from pipebench.diagnosis.slowed import SLOWED, slowed
from tests.builders import launch, run_config

LAUNCHES = [launch([2.0], [1.0]), launch([2.0], [1.0])]


@pytest.mark.parametrize(("times", "warned"), [(SLOWED * 0.999, False), (SLOWED * 1.001, True), (0.5, False)])
def test_it_is_warned_of_from_the_threshold_on(times: float, warned: bool) -> None:
    raced_s = [2.0 / times] * 3
    assert (slowed(run_config(), LAUNCHES, raced_s) is not None) is warned


def test_it_says_how_much_longer_and_what_that_does_to_the_speed_up() -> None:
    found = slowed(run_config(), LAUNCHES, [9.0, 1.0, 0.5])
    assert found is not None
    assert (found.code, found.cause, found.next_step) == (
        "baseline-slowed",
        "the baseline took 2.00x as long in the launches as in the race that chose it: the machine changed during the "
        "run, and the speed-up may be too high",
        "run again, with nothing else on the machine",
    )


def test_a_run_without_a_race_has_nothing_to_be_held_against() -> None:
    assert slowed(run_config(), LAUNCHES, []) is None


def test_a_race_on_one_of_unlike_batches_says_nothing_of_the_others() -> None:
    config = msgspec.structs.replace(run_config(), positions_read=(10.0, 12.0))
    assert slowed(config, LAUNCHES, [0.5]) is None
