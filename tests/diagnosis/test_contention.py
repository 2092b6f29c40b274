import pytest

from pipebench.diagnosis.contention import contention
from tests.builders import launch

BUSY = [launch([2.0, 2.0], [1.0, 1.0], wall_per_cpu=1.3)]


def test_up_to_5_percent_there_is_nothing_to_tell() -> None:
    assert contention([launch([2.0], [1.0], wall_per_cpu=1.05)], {}) is None
    assert contention([launch([2.0], [1.0], wall_per_cpu=None)], {}) is None
    assert contention([], {}) is None


@pytest.mark.parametrize(
    ("counted", "words", "remedy"),
    [
        ({}, "this system does not say what took its core", "stop other programs"),
        (
            {"cpu_throttled_s": 2.5, "cpu_stolen_s": 1.0, "cpu_quota_cores": 0.5},
            "the container's quota of 0.5 cores held it back for 2.5 s",
            "raise the container's processor quota",
        ),
        (
            {"cpu_throttled_s": 0.5, "cpu_stolen_s": 1.0},
            "the host of this virtual machine took 1 s",
            "run on a machine that is not shared",
        ),
        (  # 1.8 s were waited, of which the host took next to nothing
            {"cpu_throttled_s": 0.0, "cpu_stolen_s": 0.5, "another_run_beside": True},
            "another pipebench run measured beside it",
            "let one run end before the next begins",
        ),
        (
            {"cpu_throttled_s": 0.0, "cpu_stolen_s": 0.01},
            "other programs took its core (neither the container's quota nor the host of this virtual machine did)",
            "stop other programs",
        ),
        (
            {"cpu_stolen_s": 0.0, "another_run_beside": True},
            "another pipebench run measured beside it",
            "let one run end before the next begins",
        ),
        (
            {"cpu_throttled_s": None, "cpu_stolen_s": 0.0},
            "other programs took its core (the host of this virtual machine did not)",
            "stop other programs",
        ),
    ],
)
def test_what_took_the_core_is_what_was_counted(
    counted: dict[str, float | None], words: str, remedy: str
) -> None:
    warning = contention(BUSY, counted)  # 6 s of timed steps
    assert warning is not None
    assert warning.cause.startswith("a launch took 1.30x its CPU time by the wall clock: ")
    assert words in warning.cause
    assert warning.next_step.startswith(remedy)
