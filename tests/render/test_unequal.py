import pytest

from pipebench.records.simulation import LinkChangeRecord, SimulationConfig, StageFactorRecord
from pipebench.render.unequal import unequal


def rows(
    *, stages: int = 2, factors: tuple[float, ...] = (), links: tuple[LinkChangeRecord, ...] = ()
) -> dict[str, str]:
    config = SimulationConfig(
        *("gpipe", stages, 2, 1, 1.0, 2.0, None, None, 0.0),
        blocking=False,
        stage_costs=tuple(StageFactorRecord(factor, factor) for factor in factors),
        link=links,
    )
    return dict(unequal(config))


def test_devices_that_are_equal_need_no_words() -> None:
    assert rows() == {}


def test_the_first_of_many_are_shown_and_all_are_counted() -> None:
    text = rows(stages=40, factors=(1.5,) * 40)["stages"]
    assert text == f"take {'1.5, ' * 16}... (40 stages) times as long as given"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (LinkChangeRecord((0, 1), None, 2e6, None), "0-1 = 2.00 MB/s"),
        (LinkChangeRecord((0, 1), None, None, 0.0), "0-1 = 0 s"),
        (LinkChangeRecord(None, None, 2e6, 0.5), "all = 2.00 MB/s, 500 ms"),
        (LinkChangeRecord((0, 1), 0.5, None, None), "0-1 x 0.5"),
    ],
)
def test_a_link_is_told_with_its_units(change: LinkChangeRecord, text: str) -> None:
    assert rows(links=(change,)) == {"links": text}
