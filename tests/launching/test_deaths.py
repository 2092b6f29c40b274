import resource
import signal
from pathlib import Path

import pytest

from pipebench.errors import EnvironmentRefusedError
from pipebench.launching import deaths
from pipebench.launching.deaths import Starvation


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(1 << 40)  # a rank that printed more than fits in memory
        file.seek(0, 2)
        file.write("\nlast wörds\n".encode())
    assert deaths.end_of(log).splitlines()[-1] == "last wörds"


def test_a_short_log_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("all of it\n")
    assert deaths.end_of(tmp_path / "log") == "all of it\n"
    (tmp_path / "log").write_text("")
    assert deaths.end_of(tmp_path / "log") == ""


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((3, 4), "the kernel ended processes for lack of memory meanwhile: use smaller sizes"),
        ((3, 3), "by another process: the kernel has ended none for lack of memory"),
        ((None, None), "for lack of memory? use smaller sizes"),
    ],
)
def test_lack_of_memory_is_said_where_the_kernel_counted_it(
    counts: tuple[int | None, int | None], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = iter(counts)
    monkeypatch.setattr(deaths, "processes_ended", lambda: next(answers))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (0, resource.RLIM_INFINITY))
    (tmp_path / "log").write_text("")
    text = deaths.death(-signal.SIGKILL, tmp_path / "log", Starvation())
    assert text == f"was killed by SIGKILL ({words})"


def test_a_limit_of_cpu_time_is_named_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(deaths, "processes_ended", lambda: 0)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5, 5))
    (tmp_path / "log").write_text("")
    text = deaths.death(-signal.SIGKILL, tmp_path / "log", Starvation())
    assert "by the limit of 5 s of CPU time (ulimit -t), or by another process" in text


def test_a_current_folder_that_is_gone_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deaths.check_folder()
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(EnvironmentRefusedError, match="the current folder was removed meanwhile"):
        deaths.check_folder()
