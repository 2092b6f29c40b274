import msgspec
import pytest

from pipebench.timing.measured_link import MeasuredLink, MessageTime


def time(size_bytes: int, one_way_s: float, cpu_s: float) -> MessageTime:
    return MessageTime(size_bytes=size_bytes, one_way_s=one_way_s, ping_pong_s=one_way_s / 2, cpu_s=cpu_s)


LINK = MeasuredLink(
    created="2026-11-24T12:00:00+00:00",
    backend="gloo over loopback",
    torch="2.13.0",
    cores=2,
    times=(time(4, 80e-6, 30e-6), time(1000, 100e-6, 40e-6), time(2000, 140e-6, 60e-6)),
)


@pytest.mark.parametrize(
    ("size", "one_way_s", "overhead_s"),
    [
        (1, 80e-6, 30e-6),
        (1000, 100e-6, 40e-6),
        (1500, 120e-6, 50e-6),
        (4000, 220e-6, 100e-6),  # beyond the last size along the last line
    ],
)
def test_a_message_of_a_size_takes_what_was_measured(size: int, one_way_s: float, overhead_s: float) -> None:
    link = LINK.at(size)
    assert link.latency_s == 80e-6
    assert link.latency_s + size / link.bytes_per_s == pytest.approx(one_way_s)
    assert link.overhead_s == pytest.approx(overhead_s)
    assert link.transfer_s(size) == pytest.approx(one_way_s - 2 * overhead_s)


def test_the_ends_never_take_more_than_the_whole_way() -> None:
    costly = msgspec.structs.replace(LINK, times=(time(4, 80e-6, 90e-6), time(8, 80e-6, 90e-6)))
    assert costly.at(6).overhead_s == 40e-6
    assert costly.at(6).transfer_s(6) == 0.0


def test_noise_that_makes_a_larger_message_faster_gives_no_negative_bandwidth() -> None:
    odd = msgspec.structs.replace(LINK, times=(time(4, 80e-6, 0), time(1000, 70e-6, 0)))
    assert odd.at(1000).bytes_per_s == float("inf")


@pytest.mark.parametrize(("load", "doubtful"), [(None, False), (0.4, False), (4.0, True)])
def test_a_link_that_was_measured_on_a_busy_machine_is_doubtful(load: float | None, doubtful: bool) -> None:
    assert msgspec.structs.replace(LINK, load_average=load).doubtful is doubtful
