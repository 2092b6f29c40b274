"""What is asked for is checked before anything is started."""

import sys
from pathlib import Path

import pytest

from pipebench.ab.asked import Asked
from pipebench.ab.interleaving import Effort
from pipebench.ab.session import Session
from pipebench.errors import EnvironmentRefusedError, UsageError
from tests.ab.launches import Watcher


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
