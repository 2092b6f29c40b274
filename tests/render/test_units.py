import pytest

from pipebench.render import units


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0, "0 s"), (45, "45.0 s"), (1055.2, "1055 s"), (0.318, "318 ms"), (7.67e-5, "76.7 us")],
)
def test_seconds(value: float | None, text: str) -> None:
    assert units.seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (12873.4, "12,873"), (3.456, "3.46")])
def test_rate(value: float | None, text: str) -> None:
    assert units.rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (512, "512 B"), (2**20, "1.0 MiB"), (3 * 2**29, "1.5 GiB")]
)
def test_data_size(value: float | None, text: str) -> None:
    assert units.data_size(value) == text


def test_scaled_and_percent() -> None:
    assert units.scaled(0.762e12, "FLOP/s") == "762 GFLOP/s"
    assert units.scaled(None, "B/s") == "-"
    assert units.percent(0.456) == "46 %"
    assert units.percent(1, 0) == "-"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (850, "850"), (32_050, "32 k"), (3_200_000, "3.2 M"), (1.5e9, "1.5 G")]
)
def test_rough(value: int, text: str) -> None:
    assert units.rough(value) == text
