import pytest

from pipebench.errors import UsageError
from pipebench.timing.link_texts import link_change
from pipebench.timing.links import LinkChange


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("3-4 = 1 GB/s, 50 us", LinkChange((3, 4), bytes_per_s=1e9, latency_s=50e-6)),
        ("4 - 3=50us,1GB/s", LinkChange((3, 4), bytes_per_s=1e9, latency_s=50e-6)),
        ("3-4 = 1 GB/s", LinkChange((3, 4), bytes_per_s=1e9)),
        ("3-4 = 50 us", LinkChange((3, 4), latency_s=50e-6)),
        ("3-4 = 0.25", LinkChange((3, 4), latency_s=0.25)),
        ("3-4 x 0.5", LinkChange((3, 4), factor=0.5)),
        ("003-4X2", LinkChange((3, 4), factor=2.0)),
        ("3-4 \u00d7 1e3", LinkChange((3, 4), factor=1000.0)),
        ("3-4 * .5", LinkChange((3, 4), factor=0.5)),
        (" = 10 GB/s, 5 us ", LinkChange(bytes_per_s=10e9, latency_s=5e-6)),
        ("x 0.5", LinkChange(factor=0.5)),
        ("= 0", LinkChange(latency_s=0.0)),
    ],
)
def test_a_change_is_read(text: str, change: LinkChange) -> None:
    assert link_change(text, 8) == change


@pytest.mark.parametrize(
    ("unit", "rate"),
    [
        ("B/s", 1),
        ("kB/s", 10**3),
        ("KB/s", 10**3),
        ("MB/s", 10**6),
        ("GB/s", 10**9),
        ("TB/s", 10**12),
        ("kiB/s", 2**10),
        ("KiB/s", 2**10),
        ("MiB/s", 2**20),
        ("GiB/s", 2**30),
        ("TiB/s", 2**40),
    ],
)
def test_units_of_a_bandwidth(unit: str, rate: int) -> None:
    assert link_change(f"= 2.5 {unit}", 2).bytes_per_s == 2.5 * rate


@pytest.mark.parametrize(
    ("unit", "one_s"),
    [("", 1), ("s", 1), ("ms", 1e-3), ("us", 1e-6), ("\u00b5s", 1e-6), ("\u03bcs", 1e-6), ("ns", 1e-9)],
)
def test_units_of_a_latency(unit: str, one_s: float) -> None:
    assert link_change(f"= 1{unit}", 2).latency_s == one_s


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "expected two devices or nothing, then = with a bandwidth"),
        ("3-4", "expected two devices or nothing, then = with a bandwidth"),
        ("3-4 50 us", "expected two devices or nothing, then = with a bandwidth"),
        ("a-4 = 1 s", "expected two devices or nothing, then = with a bandwidth"),
        ("host 0-1 = 1 s", "expected two devices or nothing, then = with a bandwidth"),
        ("3-9 = 1 s", "expected two of the devices 0 to 7, got 9"),
        ("8-3 x 2", "expected two of the devices 0 to 7, got 8"),
        (f"3-{'9' * 5000} x 2", "expected two of the devices 0 to 7, got 9999999999"),
        ("3-3 = 1 s", "expected two different devices, got 3 twice"),
        ("3-4 =", "expected a bandwidth, a latency or both after =, such as 1 GB/s, 50 us, got nothing"),
        ("3-4 = 1 s,", "after =, such as 1 GB/s, 50 us, got nothing"),
        ("3-4 = fast", "after =, such as 1 GB/s, 50 us, got 'fast'"),
        ("= 50 us 1 GB/s", "after =, such as 1 GB/s, 50 us, got '50 us 1 GB/s'"),
        ("= \u0663 s", "after =, such as 1 GB/s, 50 us, got"),
        ("= 1 s, 2", "expected one bandwidth and one latency at most, got '2' as well"),
        ("= 1 GB/s, 2 kB/s", "expected one bandwidth and one latency at most, got '2 kB/s' as well"),
        ("= 10 Gb/s", r"unknown unit 'Gb/s': expected B/s, .* \(bytes, not bits\)"),
        ("= 10 min", "unknown unit 'min': .* s, ms, us or ns for a latency"),
        ("= 0 GB/s", r"expected a bandwidth from 1 B/s to 1e\+18 B/s, got '0 GB/s'"),
        ("= -1 B/s", "expected a bandwidth from 1 B/s"),
        ("= nan B/s", "expected a bandwidth from 1 B/s"),
        ("= inf GB/s", "expected a bandwidth from 1 B/s"),
        ("= -1 us", r"expected a latency from 0 to 1e\+15 s, got '-1 us'"),
        ("= nan", "expected a latency from 0"),
        ("= inf s", "expected a latency from 0"),
        ("= 1e999", "expected a latency from 0"),
        ("x", "expected a factor such as 0.5 after the sign, got nothing"),
        ("x two", "expected a factor such as 0.5 after the sign, got 'two'"),
        ("x 2 s", "expected a factor from 1e-09 to 1e.09, got '2 s'"),
        ("x 0", "got '0'; for messages that take no time write = 0 s"),
        ("x -1", "expected a factor from"),
        ("x nan", "expected a factor from"),
        ("x inf", "expected a factor from"),
    ],
)
def test_anything_else_is_refused_with_its_text_and_what_was_expected(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        link_change(text, 8)
    assert str(caught.value).startswith(f"link {text[:80]!r}: ")
    assert len(str(caught.value)) < 400


def test_what_is_no_text_for_a_terminal_is_shown_as_an_escape() -> None:
    with pytest.raises(UsageError) as caught:
        link_change("= 1 \x1b[31m\n", 8)
    assert str(caught.value).isprintable()


def test_a_single_device_has_no_other_one() -> None:
    with pytest.raises(UsageError, match=r"expected two of the devices 0 \(there is only one\), got 1"):
        link_change("0-1 = 1 s", 1)
