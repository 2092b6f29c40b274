"""A launch whose split cells could not use the library that the run found."""

import msgspec

from pipebench.diagnosis.other_library import other_library
from pipebench.records.launches import Launch
from tests.builders import launch

USUAL, OTHER = launch([2.0], [1.0]), launch([2.0], [1.0], other_library=[1])


def test_launches_that_used_what_the_run_found_have_no_warning_and_no_field() -> None:
    assert other_library([USUAL, USUAL]) is None
    assert b"other_library" not in msgspec.json.encode(USUAL)


def test_it_says_how_many_launches_used_another_one() -> None:
    found = other_library([USUAL, OTHER, USUAL])
    assert found is not None
    assert (found.code, found.cause, found.next_step) == (
        "other-library",
        "in 1 of 3 launches the library that the run found for the products of split cells did not work, and another "
        "one was used: launches do not repeat one measurement",
        "see that torch and the memory left do not change during a run, and run again",
    )


def test_a_record_keeps_which_ranks_they_were() -> None:
    assert msgspec.json.decode(msgspec.json.encode(OTHER), type=Launch) == OTHER
