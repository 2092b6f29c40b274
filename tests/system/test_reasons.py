import errno
import os

import pytest

from pipebench.system import reasons


@pytest.mark.parametrize("name", [name for name in dir(errno) if name.startswith("E")])
def test_every_reason_is_in_words(name: str) -> None:
    code = getattr(errno, name)
    told = reasons.reason(OSError(code, os.strerror(code)))
    assert told
    assert str(code) not in told.split()


def test_another_place_is_named_only_where_it_could_help() -> None:
    def helped(number: int) -> str:
        return reasons.help_for(OSError(number, "-"), "name another")

    assert helped(errno.ENOSPC) == "free some, or name another"
    assert helped(errno.EROFS) == helped(errno.ECHILD) == "name another"
    assert helped(errno.EMFILE) == "raise that limit (ulimit -n), or use fewer devices"
