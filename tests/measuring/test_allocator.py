"""Whether freed memory is kept: decided by page faults, whatever the allocator answered."""

from collections.abc import Callable

import pytest

from pipebench.measuring import allocator

PAGES = allocator.SIZE_BYTES // allocator.APART_BYTES


def counted(*faults: int) -> Callable[[], int]:
    """Counts as the system does, with so many page faults in each block and then none."""
    totals: list[int] = [0]
    for met in (*faults, *[0] * 20):
        totals += [totals[-1], totals[-1] + met]
    readings = iter(totals[1:])
    return lambda: next(readings)


@pytest.mark.parametrize(
    ("faults", "kept"),
    [
        ((PAGES, 0), True),
        ((PAGES, 3), True),  # something else in the process met a few
        ((PAGES, PAGES, 768, 0), True),  # glibc: a freed block is a little too small for the next one
        ((PAGES,) * 20, False),
        ((32,) * 20, False),  # pages of 2 MiB
        ((32, 0), True),
        ((0,) * 20, None),  # a system that does not count
        ((4,) * 20, None),
    ],
)
def test_blocks_that_meet_new_pages_again_and_again_were_not_kept(
    faults: tuple[int, ...], kept: bool | None
) -> None:
    assert allocator.keeps_memory(lambda: None, counted(*faults)) is kept


def test_it_stops_asking_once_it_knows() -> None:
    touched: list[None] = []
    assert allocator.keeps_memory(lambda: touched.append(None), counted(PAGES, 0)) is True
    assert len(touched) == 2


def test_the_library_that_tensors_have_their_memory_from_is_named() -> None:
    assert allocator.shared_object() == "libc.so.6"
