import os


def test_a_test_may_set_a_variable() -> None:
    os.environ["PIPEBENCH_LEFT_BEHIND"] = "1"


def test_what_the_one_before_has_set_is_gone() -> None:
    assert "PIPEBENCH_LEFT_BEHIND" not in os.environ
