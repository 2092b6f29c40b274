import pytest

from pipebench.config.softmax_devices import devices_beside, sharing_of, softmax_in_short, softmax_text
from pipebench.errors import UsageError
from pipebench.models.layout import Sharing


@pytest.mark.parametrize(
    ("given", "sharing"),
    [(None, None), ("all", "all"), ("1", 1), ("7", 7), ("007", 7), ("0" * 5000 + "3", 3)],
)
def test_a_number_or_all_or_nothing(given: str | None, sharing: Sharing) -> None:
    assert sharing_of(given, 8, "--gpus") == sharing
    assert devices_beside(given) == (sharing if isinstance(sharing, int) else 0)


@pytest.mark.parametrize(
    "given", ["0", "-1", "x", "1.5", "", " 2", "+2", "1_0", "1e1", "ALL", "٣", "\n", "x" * 5000]
)
def test_what_is_neither_is_refused_with_both(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        sharing_of(given, 8, "--gpus")
    text = str(caught.value)
    assert text.startswith(
        f"--softmax-devices {given[:80]!r}: expected a number of devices from 1 on, or all "
    )
    assert "\n" not in text
    assert devices_beside(given) == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("8", "--softmax-devices 8: expected less than --gpus 8, which counts them too"),
        ("0100", "use --gpus 101 or more, or --softmax-devices all"),
        ("9" * 5000, "--softmax-devices 999999999...: expected less than --gpus 8"),
        ("9" * 10, "use a smaller number, or --softmax-devices all"),
    ],
)
def test_a_device_is_left_for_the_layers(given: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        sharing_of(given, 8, "--gpus")
    assert words in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("sharing", "devices", "text", "short"),
    [
        (1, 2, "softmax on a device of its own", "softmax on 1"),
        (4, 8, "softmax shared by 4 devices of their own", "softmax on 4"),
        ("all", 8, "softmax shared by all 8 devices", "softmax on all"),
        ("all", 1, "softmax on the one device", "softmax on all"),
    ],
)
def test_who_shares_it_in_words(sharing: Sharing, devices: int, text: str, short: str) -> None:
    assert (softmax_text(sharing, devices), softmax_in_short(sharing)) == (text, short)
