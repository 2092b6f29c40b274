"""How near gradients came, in a line."""

import msgspec

from pipebench.render.verified import verified_in_short
from tests.builders import completed_record


def test_it_says_yes_and_how_near() -> None:
    assert verified_in_short(completed_record()) == (
        "yes: gradients equal the baseline's to 1.0e-07 (at most 1e-04 allowed)",
        "yes: gradients equal the baseline's to 1.0e-07 (1e-04 allowed)",
    )


def test_how_many_vanish_stands_in_every_form() -> None:
    sure = completed_record()
    assert sure.verification is not None
    vague = msgspec.structs.replace(sure.verification, tensors=35, vanishing=["a", "b"])
    forms = verified_in_short(msgspec.structs.replace(sure, verification=vague))
    assert all("2 of 35 vanish" in form for form in forms)


def test_a_run_that_was_not_verified_says_no() -> None:
    (form,) = verified_in_short(completed_record(status="aborted", verification=None))
    assert form.startswith("no: ")
