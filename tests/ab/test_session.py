"""What is asked for is checked before anything is started."""

import sys
from pathlib import Path

import msgspec
import pytest

from pipebench.ab.asked import Asked
from pipebench.ab.interleaving import Effort
from pipebench.ab.session import Session, _remedy
from pipebench.ab.sides import Side
from pipebench.comparison.compare import compare
from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.records.comparison import Difference
from pipebench.records.selection import Source
from tests.ab.launches import ONE, Watcher


def session(folder: Path, **changes: object) -> Session:
    asked = (Asked("--schedule gpipe"), Asked("--schedule naive"))
    given = {"asked": asked, "common": (), "effort": Effort(), "gates": (), "allowed": (), "folder": folder}
    return Session(**(given | changes))  # type: ignore[arg-type]


def test_sides_of_other_plans_may_differ_in_the_plan_and_in_nothing_else(tmp_path: Path) -> None:
    allowed = session(tmp_path).rules.allowed
    assert "config.schedule" in allowed
    assert "config.hidden" not in allowed
    assert "config.dtype" in session(tmp_path, allowed=["dtype"]).rules.allowed
    same = (Asked(variables=["X=1"]), Asked())
    assert session(tmp_path, asked=same).rules.allowed == set()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"asked": (Asked(), Asked())}, "expected what the sides are"),
        ({"effort": Effort(budget_s=0.0)}, "--budget"),
        ({"effort": Effort(budget_s=float("nan"))}, "--budget"),
        ({"effort": Effort(most=3)}, "--max-launches"),
        ({"gates": ["speed=3%"]}, "--gate"),
        ({"allowed": ["colour"]}, "--allow-mismatch"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        session(tmp_path, **changes)


def test_windows_is_refused_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EnvironmentRefusedError, match="ab needs Linux or macOS"):
        session(tmp_path / "kept").measure(Watcher(), allow_inconclusive=False)
    assert not (tmp_path / "kept").exists()


def comparison(folder: Path, *fields: str, model: str = "bench/a b.py:build") -> str | None:
    """What is told of a comparison in which these fields differ."""
    record = compare([Source(ONE, folder), Source(ONE, folder)])
    record = msgspec.structs.replace(record, mismatches=[Difference(field, "1", "2") for field in fields])
    options = ("--model", model) if model else ()
    return _remedy(record, (Side("A", "x", options=options), Side("B", "x", options=options)))


def test_where_nothing_but_the_model_differs_it_is_told_how_to_compare_two(tmp_path: Path) -> None:
    fields = ("config.model.layers", "config.layers", "config.partition")
    assert comparison(tmp_path, *fields) == (
        "the sides have two models; if that is meant: --a-model 'bench/a b.py:build' --b-model 'bench/a b.py:build' in "
        "place of --model, or --allow-mismatch config.layers --allow-mismatch config.model.layers "
        "--allow-mismatch config.partition"
    )
    told = comparison(tmp_path, "config.model.name", model="")
    assert told == "the sides have two models; if that is meant: --allow-mismatch config.model.name"


@pytest.mark.parametrize(
    "fields", [(), ("config.partition",), ("config.hidden",), ("config.model.name", "config.input.unit")]
)
def test_where_something_else_differs_nothing_of_the_kind_would_help(
    tmp_path: Path, fields: tuple[str, ...]
) -> None:
    assert comparison(tmp_path, *fields) is None
