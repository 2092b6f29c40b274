import errno
from pathlib import Path

from pipebench.errors import DeadlineError
from pipebench.records.keeping import Kept
from pipebench.records.schema import Failure
from pipebench.run.ending import NotStoredError, RunEndedError, refusal
from tests.builders import completed_record, ended_run


def test_what_the_system_refuses_in_the_midst_of_a_run_names_the_file() -> None:
    assert str(refusal(OSError(errno.ENOSPC, "-", "/x/y"))) == "/x/y: the system refuses: no space left there"
    assert str(refusal(OSError(errno.ENOMEM, "-"))).startswith(
        "the system refuses: there is too little memory"
    )


def test_an_ended_run_knows_its_record_and_its_culprit_s_log(tmp_path: Path) -> None:
    record = ended_run(completed_record(), "failed", failure=Failure(8, "late", log="x.log"))
    ended = RunEndedError(DeadlineError("late"), Kept(record, tmp_path / "x.json", None))
    assert (ended.path, ended.log, ended.launches) == (tmp_path / "x.json", tmp_path / "x.log", 2)
    nowhere = RunEndedError(DeadlineError("late"), Kept(record, None, "no space"))
    assert nowhere.log is None


def test_a_record_that_could_not_be_stored_says_why() -> None:
    assert str(NotStoredError(Kept(completed_record(), None, "no space left"))) == "no space left"
