"""Which pairs of ranks are measured; that it works between processes tests/hosts shows."""

from pipebench.launching.rendezvous.place import InFolder, Place, Seat
from pipebench.measuring.host_links import pairs


def of(*hosts: str) -> list[tuple[str, int, int]]:
    return pairs(Place(0, tuple(Seat(number, number, host) for number, host in enumerate(hosts)), InFolder()))


def test_one_pair_inside_the_host_of_rank_0_and_one_to_each_other_host() -> None:
    assert of("a", "a", "b", "b") == [("a", 0, 1), ("b", 0, 2)]
    assert of("a", "b", "a", "c", "b") == [("a", 0, 2), ("b", 0, 1), ("c", 0, 3)]


def test_a_host_of_one_rank_has_no_link_inside() -> None:
    assert of("a", "b") == [("b", 0, 1)]
