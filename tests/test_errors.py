import pytest

from pipebench import errors
from pipebench.errors import ExitCode, PipebenchError
from pipebench.plan.check import PlanError
from pipebench.timing.simulator import DeadlockError


def test_exit_codes_are_those_of_the_contract() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "BUG": 1,
        "USAGE": 2,
        "REGRESSION": 3,
        "INCONCLUSIVE": 4,
        "NOT_COMPARABLE": 5,
        "RUN_FAILED": 6,
        "ENVIRONMENT": 7,
        "DEADLINE": 8,
        "MISSING": 9,
        "CORRUPT": 10,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.PipebenchError, 1),
        (errors.UsageError, 2),
        (PlanError, 2),
        (DeadlockError, 2),
        (errors.RunFailedError, 6),
        (errors.EnvironmentRefusedError, 7),
        (errors.DeadlineError, 8),
        (errors.MissingError, 9),
        (errors.CorruptRecordError, 10),
        (errors.InterruptedRunError, 130),
        (errors.TerminatedRunError, 143),
    ],
)
def test_each_error_carries_the_exit_code_of_its_kind(error: type[PipebenchError], code: int) -> None:
    raised = error("what was expected, what came")
    assert raised.exit_code == code
    assert str(raised) == "what was expected, what came"
    assert isinstance(raised, PipebenchError)


def test_every_error_but_the_base_says_more_than_bug() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PipebenchError)
    ]
    assert len(kinds) >= 8
    assert [kind for kind in kinds if kind.exit_code is ExitCode.BUG] == [PipebenchError]


def test_what_a_user_gets_wrong_is_a_value_error() -> None:
    assert issubclass(errors.UsageError, ValueError)


def test_no_verdict_is_an_error() -> None:
    """A slower run is a result; only what ended without one raises."""
    verdicts = {ExitCode.DONE, ExitCode.REGRESSION, ExitCode.INCONCLUSIVE}
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PipebenchError)
    ]
    assert not verdicts & {kind.exit_code for kind in kinds}
