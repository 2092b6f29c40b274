"""Lines of a command's output to the values of its metric. Pure; the memory it takes does not grow with the output.

A line counts if it ends in a JSON object, whatever stands before it (``[rank0]: {"step_s": 0.1}``), and the object has
the metric as a number above 0. All other lines are the command's own affair.
"""

import json
from collections.abc import Iterator
from math import inf, isfinite, isnan
from typing import Any

from pipebench.comparison.metrics import LARGEST, SMALLEST
from pipebench.errors import RunFailedError, UsageError

MOST_OF_A_LINE = 1 << 20  # bytes; a longer one is passed over
MOST_VALUES = 100_000  # of a launch
_MOST_KEYS = 20  # told of an output that lacks the metric
_MOST_BEGINNINGS = 8  # braces that are tried as the beginning of the object
_LAST_LINE = 500  # bytes
_DECODER = json.JSONDecoder()
MISSING = object()  # null is a value


class Reader:
    """The values of a metric out of an output that comes in pieces.

    Args:
        field: the key, with dots between those of nested objects.
    """

    def __init__(self, field: str) -> None:
        self.field, self.values = field, list[float]()
        self.lines = self.objects = 0
        self.last_line = b""
        self._keys: dict[str, None] = {}
        self._unfit: str | None = None
        self._rest, self._too_long = bytearray(), False

    def feed(self, data: bytes) -> None:
        """Take a piece of the output.

        Raises:
            RunFailedError: The metric is NaN or infinite.
            UsageError: There are more values than a record may hold.
        """
        first, *others = data.replace(b"\r", b"\n").split(
            b"\n"
        )  # of a progress bar too, each state is a line
        self._take(first)
        for piece in others:
            self.end()
            self._take(piece)

    def end(self) -> None:
        """A line ends, or the output does."""
        line, too_long = bytes(self._rest), self._too_long
        self._rest, self._too_long = bytearray(), False
        if not line.strip() and not too_long:
            return
        self.lines += 1
        self.last_line = line[:_LAST_LINE]
        found = None if too_long else object_at_the_end(line)
        if found is not None:
            self.objects += 1
            self._look(found)

    def check(self, skip: int) -> None:
        """Make sure that more than ``skip`` values were found.

        Raises:
            UsageError: There are fewer; what was found instead.
        """
        if len(self.values) > skip:
            return
        if self.values:
            raise UsageError(
                f"expected more than {skip} lines with {self.field}, since --skip leaves out the first {skip}; "
                f"found {len(self.values)}: print more steps, or give --skip {len(self.values) - 1}"
            )
        raise UsageError(
            f"expected lines such as {json.dumps({self.field: 0.123})} on stdout, found {self._found()}"
        )

    def _found(self) -> str:
        lines = f"{self.lines} line{'' if self.lines == 1 else 's'}"
        if self._unfit is not None:
            return f"{self.field} there in {lines}, but never as a number above 0: {self._unfit}"
        if not self.objects:
            return f"{lines}, none of which ends in a JSON object"
        return f"{lines} with the keys {', '.join(self._keys) or 'of empty objects'}"

    def _take(self, piece: bytes) -> None:
        if len(self._rest) + len(piece) > MOST_OF_A_LINE:
            self._rest, self._too_long = bytearray(), True
        if not self._too_long:
            self._rest += piece

    def _look(self, found: dict[str, Any]) -> None:
        value = value_at(found, self.field)
        if value is MISSING:
            self._keys |= dict.fromkeys(list(_keys(found))[: _MOST_KEYS - len(self._keys)])
            return
        number = as_number(value)
        if number is not None and not isfinite(number):
            raise RunFailedError(f"{self.field} is {'NaN' if isnan(number) else 'infinite'}")
        if number is None or not SMALLEST <= number <= LARGEST:
            self._unfit = json.dumps(value)[:_LAST_LINE]
            return
        if len(self.values) >= MOST_VALUES:
            raise UsageError(
                f"expected {MOST_VALUES:,} lines with {self.field} at most: print every tenth step"
            )
        self.values.append(number)


def object_at_the_end(line: bytes) -> dict[str, Any] | None:
    """The JSON object that a line ends in, whatever stands before it; bytes that are no UTF-8 do no harm."""
    text = line.decode("utf-8", "replace").rstrip()
    if not text.endswith("}"):
        return None
    start = -1
    for _ in range(_MOST_BEGINNINGS):
        start = text.find("{", start + 1)
        if start < 0:
            return None
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if end == len(text):
            return value if isinstance(value, dict) else None
    return None


def value_at(found: dict[str, Any], field: str) -> Any:
    """The value of a key, or of a path of keys with dots between them; ``MISSING`` where there is none."""
    if field in found:
        return found[field]
    key, _, rest = field.partition(".")
    inner = found.get(key)
    return value_at(inner, rest) if rest and isinstance(inner, dict) else MISSING


def as_number(value: object) -> float | None:
    """A number, of which some are no finite ones; ``None`` for all else, true and false too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return inf


def _keys(found: dict[str, Any]) -> Iterator[str]:
    """All paths to what is no object."""
    for key, value in found.items():
        if isinstance(value, dict) and value:
            yield from (f"{key}.{inner}" for inner in value)
        else:
            yield key
