"""Joins chunks that follow each other in memory into one piece."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

_Memory = TypeVar("_Memory")


def runs_of(pending: Iterable[tuple[_Memory, int]]) -> Iterator[tuple[_Memory, int, int]]:
    """Join chunks that wait, given by their memory and number, into ranges ``first`` to ``end - 1`` of each memory.

    Memories come in the order in which their first chunk was given, and the ranges of each in ascending order.
    """
    numbers_of: dict[int, tuple[_Memory, list[int]]] = {}
    for memory, number in pending:
        numbers_of.setdefault(id(memory), (memory, []))[1].append(number)
    for memory, numbers in numbers_of.values():
        numbers.sort()
        first = end = numbers[0]
        for number in numbers:
            if number != end:
                yield memory, first, end
                first = number
            end = number + 1
        yield memory, first, end
