from pipebench.plan.flat import flat_of
from pipebench.plan.graph import Graph
from pipebench.plan.numbers import NONE
from tests.builders import plan_by_hand


def test_programs_stand_in_a_row() -> None:
    flat = flat_of(plan_by_hand(Graph(2, 1), "0F0 0SEND_F0 0RECV_B0 0B0", "1RECV_F0 1F0 1SEND_B0"))
    assert flat.lengths == [4, 3]
    assert flat.device.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert flat.computes.tolist() == [True, False, False, True, False, True, False]
    assert flat.numbers.tolist() == [0, NONE, NONE, 2, NONE, 1, NONE]
    assert flat.place.tolist()[:4] == [0, 5, 3, 7]  # 1B0 is not there: behind all places


def test_actions_are_the_plan_s_own_where_it_has_them() -> None:
    flat = flat_of(plan_by_hand(Graph(2, 1), "0F0 0B0", "1F0"))
    found = flat.actions_of(flat.numbering.of(flat.columns))
    assert all(one is other for one, other in zip(found, flat.actions, strict=True))
    assert list(map(str, flat.actions_of(flat.numbering.inputs.producer))) == ["0F0", "0F0", "1B0", "1F0"]
