"""Recognise that a process has lost the others of its launch, and give that error a type of its own. Pure.

torch passes on what gloo says as a plain ``RuntimeError``, so only the text of the error can tell.
"""

from collections.abc import Iterator
from contextlib import contextmanager

_LIBRARIES = (
    "gloo",
    "nccl",
)  # their errors contain their names; most of their errors mean that another process is gone


class LostPeerError(Exception):
    """This process lost the others of its launch, or never reached them: the cause may lie with another process.

    Args:
        told: the library's error, as it was raised.
    """

    def __init__(self, told: RuntimeError) -> None:
        super().__init__(str(told))
        self.told = told


@contextmanager
def recognised() -> Iterator[None]:
    """Turn errors of the libraries that carry messages into ``LostPeerError``; other errors pass through.

    Raises:
        LostPeerError: A library that carries messages raised an error.
    """
    try:
        yield
    except RuntimeError as error:
        if any(library in str(error).lower() for library in _LIBRARIES):
            raise LostPeerError(error) from error
        raise
