"""A process that has lost the others of its launch, as a type: nothing else here looks into what a library says. Pure.

torch passes on what gloo says as a plain ``RuntimeError``, so that its words are all there is to tell by.
"""

from collections.abc import Iterator
from contextlib import contextmanager

_LIBRARIES = (
    "gloo",
    "nccl",
)  # they name themselves in their errors, and go wrong where another process is gone


class LostPeerError(Exception):
    """This process lost the others, or never had them: the cause may be another one's.

    Args:
        told: what the library said, as it was raised.
    """

    def __init__(self, told: RuntimeError) -> None:
        super().__init__(str(told))
        self.told = told


@contextmanager
def recognised() -> Iterator[None]:
    """Tell a lost peer by its type.

    Raises:
        LostPeerError: In the place of an error of the libraries that carry messages.
    """
    try:
        yield
    except RuntimeError as error:
        if any(library in str(error).lower() for library in _LIBRARIES):
            raise LostPeerError(error) from error
        raise
