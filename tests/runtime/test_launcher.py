from pathlib import Path

from pipebench.runtime import launcher


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(1 << 40)  # a rank that printed more than fits in memory
        file.seek(0, 2)
        file.write("\nlast wörds\n".encode())
    assert launcher._end_of(log).splitlines()[-1] == "last wörds"


def test_a_short_log_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("all of it\n")
    assert launcher._end_of(tmp_path / "log") == "all of it\n"
    (tmp_path / "log").write_text("")
    assert launcher._end_of(tmp_path / "log") == ""
