from collections.abc import Sequence

import pytest

from pipebench.foreign.torch_profiler.labels import Label
from pipebench.foreign.torch_profiler.passes import aligned, passes_of
from tests.foreign.torch_profiler.written import labels, text


def passes(words: str) -> list[str]:
    return [text(one) for one in passes_of(labels(words))]


GPIPE = "F0 F1 F2 B0 B1 B2"
LAST_OF_1F1B = "F0 B0 F1 B1 F2 B2"
INTERLEAVED = "0F0 0F1 2F0 2B0 2F1 2B1 0B0 0B1"
HALVES = "1F0 1I0 1F1 1I1 1W0 1W1"


@pytest.mark.parametrize("step", [GPIPE, LAST_OF_1F1B, INTERLEAVED, HALVES])
def test_a_recording_may_begin_and_end_anywhere(step: str) -> None:
    words = step.split()
    assert passes(f"{step} {step}") == [step, step]
    for cut in range(1, len(words)):
        inside = " ".join([*words[cut:], *words, *words, *words[:cut]])
        assert passes(inside) == [step, step]


def test_nothing_is_whole_without_a_forward_of_all() -> None:
    assert passes("F1 F2 B0 B1 B2 F0") == []
    assert passes("OPTIMIZER") == []


def test_forwards_alone_between_steps_are_left_out() -> None:
    assert passes(f"F0 F1 F2 {GPIPE} F0 F1 F2") == [GPIPE]


def test_what_does_not_compute_goes_with_the_next_or_the_last_that_does() -> None:
    step = "1UNSHARD 1RECV_F0 1F0 1B0 1SEND_B0 1REDUCE_GRAD OPTIMIZER"
    assert passes(f"{step} {step}") == [step, step]
    assert passes(f"1B0 1SEND_B0 {step} 1RECV_F0") == [step]


def at(*times: float) -> list[Sequence[Label]]:
    """Passes that take 10 from each of these."""
    return [[Label("F", 0, 0, time, time + 10, 0)] for time in times]


def test_passes_of_two_ranks_are_one_step_where_they_lie_over_each_other() -> None:
    ranks = [at(0, 20, 40, 60), at(41, 61, 81), at(22, 42)]
    assert aligned(ranks, [0, 0, 0]) == [[0, 1, 2, 3], [2, 3, None], [1, 2]]
    assert aligned(ranks, [0, -20, 100]) == [[0, 1, 2, 3], [1, 2, 3], [None, None]]


def test_of_two_that_lie_over_one_step_the_one_that_does_more_is_it() -> None:
    assert aligned([at(0, 20), at(21, 29.5)], [0, 0]) == [[0, 1], [1, None]]


def test_without_one_clock_passes_are_counted() -> None:
    assert aligned([at(0, 20), at(900, 920)], [None, 0]) == [[0, 1], [0, 1]]
