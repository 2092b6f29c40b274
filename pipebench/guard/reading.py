"""Lines of a command's output to the values of its metric. Pure; the memory it takes does not grow with the output.

A line counts if it ends in a JSON object that has the metric, whatever stands before it (``[rank0]: {"step_s": 0.1}``).
All other lines are the command's own affair. A value that is there must be a number above 0.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from math import isfinite, isnan
from sys import float_info
from typing import Any

from pipebench.comparison.metrics import LARGEST, SMALLEST
from pipebench.errors import RunFailedError, UsageError
from pipebench.plurals import counted

MOST_OF_A_LINE = 1 << 20  # bytes; a longer one is passed over
MOST_VALUES = 100_000  # of a launch
_MOST_KEYS = 20  # shown of an output that lacks the metric
_MOST_BEGINNINGS = 8  # braces that are tried as the beginning of the object
_LAST_LINE = 500  # bytes
_DEEPEST = 8  # levels of nested objects whose keys are shown
_VALUE = 60  # characters of a value that cannot be used
_DIGITS = 400  # a whole number with more digits is too large, whatever they are
_DECODER = json.JSONDecoder(parse_int=lambda text: int(text[:_DIGITS]))
MISSING = object()  # null is a value
# Control sequences behind the text, such as the end of a colour.
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[ -/]+[0-~]|[0-Z\\^-~])")
_LONGEST_ESCAPE = 40


class Reader:
    """The values of a metric out of an output that comes in pieces.

    Args:
        field: the key; a dot leads into a nested object.
    """

    def __init__(self, field: str) -> None:
        self.field, self.values = field, list[float]()
        self.lines = self.objects = 0
        self.last_line = b""
        self._keys: dict[str, None] = {}
        self._unfit: Counter[str] = Counter()  # lines by what is wrong with their value
        self._first_unfit = ""
        self._rest, self._too_long = bytearray(), False

    def feed(self, data: bytes) -> None:
        """Take a piece of the output.

        Raises:
            RunFailedError: The metric is NaN or infinite.
            UsageError: There are more values than a record may hold.
        """
        first, *others = data.replace(b"\r", b"\n").split(
            b"\n"
        )  # of a progress bar, each state is a line of its own
        self._take(first)
        for piece in others:
            self.end()
            self._take(piece)

    def end(self) -> None:
        """Take the end of a line, or of the output."""
        line, too_long = bytes(self._rest), self._too_long
        self._rest, self._too_long = bytearray(), False
        if not line.strip() and not too_long:
            return
        self.lines += 1
        self.last_line = line.strip(b"\0 ")[:_LAST_LINE]
        found = None if too_long else object_at_the_end(line)
        if found is not None:
            self.objects += 1
            self._look(found)

    def check(self, skip: int) -> None:
        """Make sure that all values can be used, and that there are more than ``skip``.

        Raises:
            UsageError: Some cannot be used, or there are too few; the text says what was found instead.
        """
        if self._unfit:
            raise UsageError(self._of_unfit())
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

    def _of_unfit(self) -> str:
        """How many values are of which kind, and the first of them."""
        kinds = ", ".join(f"{number} x {kind}" for kind, number in self._unfit.items())
        return (
            f"expected {self.field} to be a number above 0 wherever it is printed; of {self._in_all()} with it "
            f"{self._unfit.total()} cannot be used ({kinds}); the first is {self._first_unfit}: "
            "leave the key out of a line that has no value"
        )

    def _in_all(self) -> str:
        return counted(len(self.values) + self._unfit.total(), "line")

    def _found(self) -> str:
        lines = counted(self.lines, "line")
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
            keys = (key[:_VALUE] for key in islice(_keys(found), _MOST_KEYS - len(self._keys)))
            self._keys |= dict.fromkeys(keys)
            return
        number = as_number(value)
        if number is not None and not isfinite(number):
            raise RunFailedError(f"{self.field} is {'NaN' if isnan(number) else 'infinite'}")
        unfit = _unfit(value, number)
        if number is None or unfit is not None:
            self._first_unfit = self._first_unfit or f"{_shown(value)} in line {self.lines:,}"
            self._unfit[str(unfit)] += 1
            return
        if len(self.values) >= MOST_VALUES:
            raise UsageError(
                f"expected {MOST_VALUES:,} lines with {self.field} at most: print every tenth step"
            )
        self.values.append(number)


def lines_with(field: str, output: bytes) -> int:
    """How many lines of an output, or of a part of it, have the key."""
    objects = (object_at_the_end(line) for line in output.replace(b"\r", b"\n").split(b"\n"))
    return sum(found is not None and value_at(found, field) is not MISSING for found in objects)


def object_at_the_end(line: bytes) -> dict[str, Any] | None:
    """The JSON object that a line ends in, whatever stands before it; bytes that are no UTF-8 do no harm."""
    text = _without_escapes(line.decode("utf-8", "replace"))
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


def _without_escapes(text: str) -> str:
    """The text without what is invisible at its end: spaces and control sequences."""
    text = text.rstrip()
    while (start := text.rfind("\x1b", -_LONGEST_ESCAPE)) >= 0 and _ESCAPE.fullmatch(text, start):
        text = text[:start].rstrip()
    return text


def value_at(found: dict[str, Any], field: str) -> Any:
    """The value of a key, or of a path of keys with dots between them; ``MISSING`` where there is none.

    A key may have dots itself: the longest one that leads to a value counts.
    """
    if field in found:
        return found[field]
    end = field.rfind(".")
    while end >= 0:
        inner = found.get(field[:end])
        if isinstance(inner, dict) and (value := value_at(inner, field[end + 1 :])) is not MISSING:
            return value
        end = field.rfind(".", 0, end)
    return MISSING


def as_number(value: object) -> float | None:
    """The value as a number, finite or not; ``None`` for all else, true and false too.

    A whole number that is too large for a float becomes the largest float, since it is finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float_info.max if value > 0 else -float_info.max


def _unfit(value: object, number: float | None) -> str | None:
    """What is wrong with a value, in a word or two; ``None`` for a number above 0 that a record may hold."""
    if number is None:
        return {str: "text", bool: "true or false", dict: "objects", list: "lists"}.get(type(value), "null")
    if number <= 0:
        return "negative" if number else "0"
    return "too large" if number > LARGEST else "too small" if number < SMALLEST else None


def _shown(value: object) -> str:
    """The beginning of a value."""
    text = json.dumps(value)
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}..."


def _keys(found: dict[str, Any], deepest: int = _DEEPEST) -> Iterator[str]:
    """All paths to values that are no objects, down to ``deepest`` levels."""
    for key, value in found.items():
        if isinstance(value, dict) and value and deepest:
            yield from (f"{key}.{inner}" for inner in _keys(value, deepest - 1))
        else:
            yield key
