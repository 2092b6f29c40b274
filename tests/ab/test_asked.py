import sys
from pathlib import Path

import pytest

from pipebench.ab.asked import Asked, check_asked, sides, varied
from pipebench.comparison.run_fields import MODEL, PLAN
from pipebench.errors import UsageError

NOTHING = Asked()


@pytest.mark.parametrize(
    "asked", [Asked(run=""), Asked(python="python3"), Asked(variables=["X=1"]), Asked(run="--gpus 2")]
)
def test_one_side_that_was_asked_for_is_enough(asked: Asked) -> None:
    check_asked((NOTHING, asked))
    check_asked((asked, NOTHING))


@pytest.mark.parametrize("asked", [(NOTHING, NOTHING), (Asked(ref="x"), NOTHING), (NOTHING, Asked(ref="x"))])
def test_nothing_and_a_single_ref_are_not(asked: tuple[Asked, Asked]) -> None:
    with pytest.raises(UsageError):
        check_asked(asked)


def test_only_sides_with_options_of_their_own_may_differ_and_never_in_the_clock() -> None:
    assert varied((Asked(run="--gpus 2"), Asked(run="--gpus  2"))) == frozenset()
    assert varied((Asked(ref="x"), Asked(ref="y"))) == frozenset()
    found = varied((NOTHING, Asked(run="--schedule 1f1b")))
    assert {"config.schedule", "config.softmax_devices"} <= found
    assert "clock" not in found


def test_a_side_has_its_own_after_the_common_and_says_what_it_is(tmp_path: Path) -> None:
    asked = (NOTHING, Asked(run="--text 'a b'", python=sys.executable, variables=["X=1=2", "Y="]))
    with sides(asked, ["--gpus", "2"], tmp_path) as (one, other):
        assert (one.label, one.text, one.python) == ("A", "as it is", sys.executable)
        assert one.options == ("--gpus", "2")
        assert other.options == ("--gpus", "2", "--text", "a b")
        assert other.variables == {"X": "1=2", "Y": ""}
        assert other.text == f"--text 'a b', {sys.executable}, X=1=2, Y="
        assert other.environment["X"] == "1=2"


def test_a_model_of_each_side_is_its_first_option_and_may_differ(tmp_path: Path) -> None:
    asked = (Asked(model="a.py:m"), Asked(run="--seed 1", model="transformer"))
    check_asked(asked)
    assert varied((asked[0], asked[0])) == MODEL
    assert varied(asked) == MODEL | PLAN
    assert not MODEL & {"config.input.unit", "config.batch", "config.input.items_per_step", "config.dtype"}
    with sides(asked, ["--gpus", "2"], tmp_path) as (one, other):
        assert one.options == ("--gpus", "2", "--model", "a.py:m")
        assert other.options == ("--gpus", "2", "--model", "transformer", "--seed", "1")
        assert (one.text, one.folder, one.origins) == ("--model a.py:m", None, None)


@pytest.mark.parametrize(
    ("asked", "common"),
    [
        ((Asked(model="a.py:m"), Asked(model="b.py:m")), ["--model", "c.py:m"]),
        ((Asked(model="a.py:m"), Asked(run="--model=c.py:m", model="b.py:m")), []),
    ],
)
def test_a_side_has_one_model(asked: tuple[Asked, Asked], common: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="-model: --model is given"), sides(asked, common, tmp_path):
        pass


def test_a_single_model_is_not_enough() -> None:
    with pytest.raises(UsageError, match="expected two models, found one"):
        check_asked((NOTHING, Asked(model="a.py:m")))


@pytest.mark.parametrize("text", ["X", "=1", "X=\0"])
def test_a_variable_has_a_name_and_a_value(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--b-env"), sides((NOTHING, Asked(variables=[text])), [], tmp_path):
        pass
