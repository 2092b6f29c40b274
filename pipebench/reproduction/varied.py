"""What is varied, and over which values: what the paper does not say, and what it says and might be otherwise."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pipebench.reproduction.assumptions import CORPUS, PRESET, Assumptions, Lengths
from pipebench.reproduction.cards import PLAUSIBLE
from pipebench.reproduction.work import LSTM_KERNELS

Changes = dict[str, Any]  # of assumptions, by their names
_QUARTER_TO_FOUR = (0.25, 0.5, 1.0, 2.0, 4.0)
_KERNELS = sum(LSTM_KERNELS.values())


class Value(NamedTuple):
    """A value that a figure may have; ``number`` is ``None`` where it is not a number."""

    label: str
    changes: Changes
    number: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """A figure with its plausible values. ``at`` makes a value of any other number, where that makes sense."""

    name: str
    text: str
    of: Literal["assumption", "paper"]
    why: str
    values: Sequence[Value]
    at: Callable[[float], Value] | None = None


def varied(base: Assumptions) -> list[Varied]:
    """All figures that are varied; what ``base`` has is among the values of each."""
    return [*_products(), *_launches(), *_messages(), *_choices(), *_stated(base)]


def _numbers(
    name: str,
    text: str,
    why: str,
    numbers: Sequence[float],
    *,
    changes: Callable[[float], Changes],
    label: Callable[[float], str],
) -> Varied:
    def at(number: float) -> Value:
        return Value(label(number), changes(number), number)

    return Varied(
        name=name, text=text, of="assumption", why=why, values=[at(number) for number in numbers], at=at
    )


def _plain(number: float) -> str:
    return f"{number:.3g}"


def _times(number: float) -> str:
    return f"x {number:.3g}"


def _microseconds(number: float) -> str:
    return f"{number:.3g} us"


def _products() -> Iterator[Varied]:
    yield _numbers(
        "efficiency, pipeline over one GPU",
        "the efficiency of the pipeline's products over the single GPU's",
        "the pipeline multiplies step by step; one GPU may take many steps at once, which is more efficient",
        (0.7, 0.8, 0.9, 1.0),
        changes=lambda share: {"pipelined": share},
        label=_plain,
    )
    yield _numbers(
        "efficiency, softmax over LSTM",
        "the efficiency of the softmax's products over the LSTM's",
        "they are wider, and an LSTM has work beside its products",
        (0.5, 1.0, 2.0),
        changes=lambda share: {"softmax": share},
        label=_plain,
    )


def _launches() -> Iterator[Varied]:
    yield _numbers(
        "kernels of an LSTM step",
        "the kernels of an LSTM layer's step",
        "forward and backward together; those of the softmax go with them",
        [factor * _KERNELS for factor in (0.5, 1.0, 2.0, 4.0)],
        changes=lambda number: {"kernels": number / _KERNELS},
        label=_plain,
    )
    yield _numbers(
        "cost of a launch",
        "what a launch costs",
        "one GPU pays it too",
        (0, 5, 10, 20),
        changes=lambda us: {"launch_s": us / 1e6},
        label=_microseconds,
    )


def _messages() -> Iterator[Varied]:
    yield _numbers(
        "bandwidth of the bus",
        "the bandwidth of the bus",
        "messages may go through the host, or share a switch",
        _QUARTER_TO_FOUR,
        changes=lambda factor: {"bandwidth": factor},
        label=_times,
    )
    yield _numbers(
        "latency of the bus",
        "the latency of the bus",
        "it is assumed whatever the bus",
        _QUARTER_TO_FOUR,
        changes=lambda factor: {"latency": factor},
        label=_times,
    )
    yield Varied(
        name="carrier of messages",
        text="who carries the messages",
        of="assumption",
        why="copy engines, while a device computes; or both devices, which do nothing else meanwhile",
        values=[
            Value("copy engines", {"copied_by_devices": False}),
            Value("the devices", {"copied_by_devices": True}),
        ],
    )


def _choices() -> Iterator[Varied]:
    yield Varied(
        name="card and bus",
        text="the card and its bus",
        of="assumption",
        why="the paper names none",
        values=[Value(machine.name, {"machine": machine}) for machine in PLAUSIBLE],
    )
    yield Varied(
        name="bound by memory",
        text="the bound by memory",
        of="assumption",
        why="work takes no less time than its weights take through the card's memory",
        values=[Value("with it", {"memory": True}), Value("without", {"memory": False})],
    )
    yield Varied(
        name="embedding rows in an update",
        text="the rows of the embeddings that an update goes through",
        of="assumption",
        why="a program may leave out those that do not occur",
        values=[Value("all", {"all_rows": True}), Value("those that occur", {"all_rows": False})],
    )
    preset = Lengths(*[PRESET["sequence_length"]] * 2)
    yield Varied(
        name="words, source and target",
        text="the words of source and target",
        of="assumption",
        why="the corpus's means; a step more for the target's end; the preset's",
        values=[
            Value(_lengths_text(lengths), {"lengths": lengths})
            for lengths in (CORPUS, CORPUS._replace(marks=1), preset)
        ],
    )


def _lengths_text(lengths: Lengths) -> str:
    mark = f" + {lengths.marks}" if lengths.marks else ""
    return f"{lengths.source} and {lengths.target}{mark}"


def _stated(base: Assumptions) -> Iterator[Varied]:
    slicing, steps = base.slicing, max(base.lengths.steps)
    yield Varied(
        name="batch",
        text="the batch",
        of="paper",
        why="128 sentences; one efficiency for all sizes, so small products cost no more",
        values=[
            Value(f"{batch}", {"slicing": slicing._replace(batch=batch)}, batch)
            for batch in (32, 64, 128, 256)
        ],
    )
    yield Varied(
        name="steps passed on together",
        text="the steps that are passed on together",
        of="paper",
        why="as soon as they were computed, which is read as every step by itself",
        values=[
            Value("all" if each == steps else f"{each}", {"slicing": slicing._replace(steps_each=each)}, each)
            for each in (1, 2, 4, 8, steps)
        ],
    )
    yield Varied(
        name="microbatches",
        text="the microbatches",
        of="paper",
        why="it has none; one efficiency for all sizes, so small products cost no more",
        values=[
            Value(f"{count}", {"slicing": slicing._replace(microbatches=count)}, count) for count in (1, 2, 4)
        ],
    )
