import pytest
from hypothesis import given

from pipebench.plan.actions import parse_action
from pipebench.plan.ends import Ends
from pipebench.plan.graph import Graph
from pipebench.plan.numbers import NONE, Numbers, columns_of
from pipebench.plan.transfers import messages_of
from tests.builders import PROPERTY, graphs
from tests.graphs import branching_graphs, shared_graphs


@PROPERTY
@given(shared_graphs | branching_graphs() | graphs)
def test_both_ends_of_every_message_are_known(graph: Graph) -> None:
    ends, messages = Ends(Numbers(graph)), messages_of(graph)
    for actions in ([m.send for m in messages], [m.receive for m in messages]):
        assert ends.message(columns_of(actions)).tolist() == list(range(len(messages)))


@pytest.mark.parametrize(
    "text",
    [
        *("1SEND_F0", "0SEND_B0", "0RECV_F0", "1RECV_B0"),  # nobody is there
        *("0SEND_F2", "0SEND_F0.1", "5SEND_F0", "0SEND_F0>0", "0SEND_F0>5", "0F0", "1B1"),
    ],
)
def test_what_is_no_end_of_a_message_is_none(text: str) -> None:
    assert Ends(Numbers(Graph(2, 2))).message(columns_of([parse_action(text)])).tolist() == [NONE]


def test_the_neighbour_in_a_chain_is_not_named() -> None:
    named = parse_action("0SEND_F0")._replace(peer=1)
    assert Ends(Numbers(Graph(2, 2))).message(columns_of([parse_action("0SEND_F0"), named])).tolist() == [
        0,
        NONE,
    ]


def test_one_device_has_no_messages() -> None:
    assert Ends(Numbers(Graph(1, 2))).message(columns_of([parse_action("0SEND_F0")])).tolist() == [NONE]
