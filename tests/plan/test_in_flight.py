from pipebench.plan.actions import parse_action
from pipebench.plan.in_flight import most_in_flight


def most(text: str) -> dict[int, int]:
    return dict(most_in_flight(map(parse_action, text.split())))


def test_a_microbatch_is_in_flight_until_the_last_of_its_slices_has_had_its_w() -> None:
    assert most("0F0.0 0F0.1 0I0.1 0I0.0 0W0.1 0F1.0 0W0.0") == {0: 2}
    assert most("0F0.0 0F0.1 0I0.1 0I0.0 0W0.1 0W0.0 0F1.0") == {0: 1}


def test_a_whole_backward_frees_too_and_each_stage_counts_for_itself() -> None:
    assert most("0F0 1F0 0F1 1B0 1F1 1B1 0B0 0B1") == {0: 2, 1: 1}
