"""Labels from words: ``F0 1B0 1RECV_F0 1REDUCE_GRAD OPTIMIZER``, one after the other, each 8 of 10 microseconds."""

import re
from collections.abc import Sequence

from pipebench.foreign.torch_profiler.labels import Label


def labels(words: str, *, at: float = 0.0) -> list[Label]:
    return [_label(word, at + 10 * number, number) for number, word in enumerate(words.split())]


def _label(word: str, start: float, number: int) -> Label:
    stage, operation, microbatch = re.fullmatch(r"(\d*)([A-Z_]+)(\d*)", word).groups()
    return Label(operation, _number(stage), _number(microbatch), start, start + 8, number)


def _number(digits: str) -> int | None:
    return int(digits) if digits else None


def text(found: Sequence[Label]) -> str:
    return " ".join(
        "".join(str(part) for part in (one.stage, one.operation, one.microbatch) if part is not None)
        for one in found
    )
