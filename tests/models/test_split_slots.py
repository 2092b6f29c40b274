from pipebench.models.split_slots import Slots


def test_slices_that_come_together_lie_side_by_side() -> None:
    slots = Slots()
    assert slots.take([(0, 0), (1, 0)]) == (0, 2)
    assert slots.take([(1, 1)]) == (2, 3)
    assert slots.ordered([(1, 1), (1, 0), (0, 0)]) == [(0, 0), (1, 0), (1, 1)]


def test_runs_are_as_few_as_can_be() -> None:
    slots = Slots()
    slices = [(0, chunk) for chunk in range(7)]
    slots.take(slices)
    assert slots.runs(slices) == [(0, 7)]
    assert slots.runs([slices[n] for n in (0, 1, 3, 5, 6)]) == [(0, 2), (3, 4), (5, 7)]
    assert slots.runs(slices[4:5]) == [(4, 5)]


def test_the_first_places_are_used_again_when_nobody_waits() -> None:
    slots = Slots()
    slots.take([(0, 0), (0, 1)])
    slots.free([(0, 0)])
    assert slots.take([(0, 2)]) == (2, 3)
    slots.free([(0, 1), (0, 2)])
    assert slots.take([(1, 0)]) == (0, 1)
