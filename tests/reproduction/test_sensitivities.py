import pytest

from pipebench.records.on_paper import OnPaper, Point, Sensitivity
from pipebench.reproduction.assumptions import Assumptions
from pipebench.reproduction.claims import CLAIMS
from pipebench.reproduction.sensitivities import carried_by
from pipebench.reproduction.varied import varied


def test_every_figure_has_the_value_that_is_used_among_its_own_once(result: OnPaper) -> None:
    assert len(result.sensitivities) == len(varied(Assumptions()))
    for each in result.sensitivities:
        (used,) = (point for point in each.points if point.used)
        assert used.ratio == result.ratio
        assert (each.low, each.high) == (
            min(point.ratio for point in each.points),
            max(point.ratio for point in each.points),
        )
        assert each.spread == each.high / each.low


def test_assumptions_come_first_each_kind_by_how_much_it_moves(result: OnPaper) -> None:
    kinds = [each.of for each in result.sensitivities]
    assert kinds == sorted(kinds)
    for kind in ("assumption", "paper"):
        spreads = [each.spread for each in result.sensitivities if each.of == kind]
        assert spreads == sorted(spreads, reverse=True)


def test_one_gpu_has_the_paper_s_speed_under_every_assumption(result: OnPaper) -> None:
    for each in result.sensitivities:
        for point in each.points:
            if each.name != "batch":
                assert point.one_gpu_words_per_s == pytest.approx(result.fitted_to_words_per_s)


def test_the_paper_s_values_are_those_of_the_brief(result: OnPaper) -> None:
    values = {each.name: [point.value for point in each.points] for each in result.sensitivities}
    assert values["batch"] == [32, 64, 128, 256]
    assert values["steps passed on together"] == [1, 2, 4, 8, 29]
    assert values["microbatches"] == [1, 2, 4]
    assert values["cost of a launch"] == [0, 5, 10, 20]
    assert values["bandwidth of the bus"] == values["latency of the bus"] == [0.25, 0.5, 1, 2, 4]


def test_where_the_paper_s_ratio_is_met_it_is_met(result: OnPaper) -> None:
    met = {each.name: each.meets for each in result.sensitivities if each.meets is not None}
    assert {"efficiency, pipeline over one GPU", "bandwidth of the bus", "latency of the bus"} <= set(met)
    for point in met.values():
        assert point.ratio == pytest.approx(CLAIMS["paper"].ratio, rel=0.002)
        assert not point.used


def test_messages_alone_would_have_to_be_dozens_of_times_slower(result: OnPaper) -> None:
    met = {each.name: each.meets for each in result.sensitivities}
    bandwidth, latency = met["bandwidth of the bus"], met["latency of the bus"]
    assert bandwidth is not None
    assert latency is not None
    assert (bandwidth.value or 1) < 1 / 12
    assert (latency.value or 1) > 12


def test_all_assumptions_together_reach_beyond_each_of_them(result: OnPaper) -> None:
    assumed = [each for each in result.sensitivities if each.of == "assumption"]
    assert result.low <= min(each.low for each in assumed)
    assert result.high >= max(each.high for each in assumed)
    assert result.low < CLAIMS["paper"].ratio < result.ratio < result.high


def sensitivity(text: str, *ratios: float, of: str = "assumption") -> Sensitivity:
    points = [Point(f"{text}{n}", float(n), n == 0, 1.0, 1.0, ratio) for n, ratio in enumerate(ratios)]
    low, high = min(ratios), max(ratios)
    return Sensitivity(
        name=text,
        text=f"the {text}",
        of=of,  # type: ignore[arg-type]
        why="",
        points=points,
        low=low,
        high=high,
        spread=high / low,
    )


def test_the_sentence_is_made_of_the_figures() -> None:
    found = [
        sensitivity("wind", 4.0, 2.0),
        sensitivity("rain", 4.0, 5.0),
        sensitivity("snow", 4.0, 4.2),
        sensitivity("sun", 4.0, 1.0, of="paper"),
    ]
    assert carried_by(found) == (
        "What carries the prediction is the wind: wind1 gives 2.00x, wind0 gives 4.00x. Next is the rain, 4.00x to "
        "5.00x; no other assumption moves it by more than 5.0 %."
    )


def test_the_sentence_names_what_moves_the_ratio_most(result: OnPaper) -> None:
    most = max(
        (each for each in result.sensitivities if each.of == "assumption"), key=lambda each: each.spread
    )
    assert most.text in result.carried_by
    assert f"{most.low:.2f}x" in result.carried_by
