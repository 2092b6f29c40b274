from random import Random

from pipebench.render.perfetto.events import Document, Event, Rank, encoded, microseconds, nanoseconds


def test_readers_that_cut_off_and_readers_that_round_find_the_same_nanosecond() -> None:
    random = Random(0)
    for whole_ns in [*range(20_000), *(random.randrange(10**13) for _ in range(20_000))]:
        value = microseconds(whole_ns)
        assert int(value * 1000) == round(value * 1000) == whole_ns


def test_the_plain_quotient_would_not_do() -> None:
    assert int(1001 / 1000 * 1000) == 1000
    assert microseconds(1001) > 1.001


def test_the_nearest_nanosecond() -> None:
    assert [nanoseconds(seconds) for seconds in (0.0, 1.4e-9, 1.6e-9, 0.25, 3.0)] == [
        *(0, 1, 2),
        *(250_000_000, 3_000_000_000),
    ]


def test_the_rank_stands_in_the_text_as_its_readers_look_for_it() -> None:
    document = Document("ms", {}, [Event("C", "alive", 1, ts=0.0, args={"slices": 2})], Rank(1, 4))
    assert encoded(document) == (
        b'{"displayTimeUnit": "ms", "otherData": {}, "traceEvents": [{"ph": "C", "name": "alive", "pid": 1, '
        b'"ts": 0.0, "args": {"slices": 2}}], "distributedInfo": {"rank": 1, "world_size": 4}}\n'
    )


def test_what_is_not_given_is_not_written() -> None:
    assert b"distributedInfo" not in encoded(Document("ms", {}, []))
