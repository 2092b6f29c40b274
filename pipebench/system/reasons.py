"""The system's errors in words: for each number, what stands in the way and what helps. The only such list."""

import errno
from typing import NamedTuple


class _Reason(NamedTuple):
    """What is wrong, what helps, and whether another place for the file would help as well."""

    text: str
    remedy: str = ""
    of_the_place: bool = True


_NO_PROCESS = "end other programs, or raise that limit (ulimit -u, or the container's limit of pids)"
_NO_MEMORY = "end other programs, or raise the limit (ulimit -v, or the container's memory)"

_REASONS = {
    errno.ENOSPC: _Reason("no space left there", "free some"),
    errno.EDQUOT: _Reason("the disk quota there is used up", "free some space"),
    errno.EFBIG: _Reason("it is larger than a file may be (ulimit -f)", "raise the limit"),
    errno.EROFS: _Reason("the file system there is read-only"),
    errno.EACCES: _Reason("permission denied", "allow it"),
    errno.EPERM: _Reason("the system does not permit it"),
    errno.ENOENT: _Reason("there is no such folder", "make it"),
    errno.EEXIST: _Reason("a file is in the way"),
    errno.ENOTDIR: _Reason("a file is in the way"),
    errno.EISDIR: _Reason("a folder of this name is there"),
    errno.ENAMETOOLONG: _Reason("the name is too long"),
    errno.ELOOP: _Reason("links lead round in a circle"),
    errno.EIO: _Reason("the device reports an input/output error", "check it"),
    errno.ENOLCK: _Reason("files there cannot be locked"),
    errno.ESTALE: _Reason("the network file system has lost it", "mount it again"),
    errno.ETIMEDOUT: _Reason("the network file system does not answer"),
    errno.EMFILE: _Reason(
        "too many files are open", "raise that limit (ulimit -n), or use fewer devices", False
    ),
    errno.ENFILE: _Reason("too many files are open on this machine", "end other programs", False),
    errno.EAGAIN: _Reason("no further process or thread may be started", _NO_PROCESS, False),
    errno.ENOMEM: _Reason("there is too little memory or address space", _NO_MEMORY, False),
}


def reason(error: OSError) -> str:
    """What is wrong, in words."""
    known = _REASONS.get(error.errno or 0)
    return known.text if known else error.strerror or str(error) or type(error).__name__


def help_for(error: OSError, otherwise: str) -> str:
    """What to do about it: what the reason itself asks for, or ``otherwise`` where another place may be better."""
    known = _REASONS.get(error.errno or 0, _Reason(""))
    if not known.of_the_place:
        return known.remedy
    return f"{known.remedy}, or {otherwise}" if known.remedy else otherwise
