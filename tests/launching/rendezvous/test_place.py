from pipebench.launching.rendezvous.place import InFolder, Place, Seat, on_one_machine


def of(*hosts: str, rank: int = 0) -> Place:
    seats: list[Seat] = []
    for host in hosts:
        number = sum(seat.host == host for seat in seats)
        seats.append(Seat(number, number, host))
    return Place(rank, tuple(seats), InFolder())


def test_on_one_machine_a_rank_is_its_device() -> None:
    place = on_one_machine(2, 4)
    assert (place.ranks, place.local_rank, place.core, place.hosts) == (4, 2, 2, ("",))
    assert place.beside(0) == [0, 1, 2, 3]
    assert place.name(3) == "rank 3"


def test_ranks_of_several_hosts() -> None:
    place = of("a", "b", "a", "b", rank=3)
    assert place.hosts == ("a", "b")
    assert (place.local_rank, place.name(3)) == (1, "rank 3 on b")
    assert [place.beside(rank) for rank in range(4)] == [[0, 2], [1, 3], [0, 2], [1, 3]]


def test_ranks_that_share_a_machine_under_two_names_begin_with_another_core() -> None:
    assert [of("a", "a", "b", "b", rank=rank).core for rank in range(4)] == [0, 1, 1, 2]


def test_a_rank_that_is_shown_one_gpu_alone_reaches_no_other() -> None:
    shown_all, shown_one = of("a", "a", "b"), Place(1, tuple(Seat(n, 0, "a") for n in range(3)), InFolder())
    assert [shown_all.within_reach(rank) for rank in range(3)] == [[0, 1], [0, 1], [2]]
    assert shown_one.within_reach(1) == [1]
    assert (shown_one.local_rank, shown_one.device, shown_one.core) == (1, 0, 1)
