from pipebench.plan.graph import Graph
from pipebench.plan.numbers import NONE
from pipebench.timing.slots import Slots, slots_of
from tests.builders import plan_by_hand, plan_of


def posts(slots: Slots) -> list[str]:
    """The slot of each post, with both ends of its message."""
    return [
        f"{slot}: {message.producer}>{message.consumer}"
        for slot, message in zip(slots.posting.tolist(), slots.messages, strict=True)
    ]


def test_each_result_is_posted_where_it_is_there() -> None:
    slots = slots_of(plan_of("gpipe", 2, 1))
    assert slots.first == [0, 3, 6]
    assert list(map(str, slots.actions)) == ["None", "0F0", "0B0", "None", "1F0", "1B0"]
    assert slots.numbers.tolist() == [NONE, 0, 2, NONE, 1, 3]
    assert slots.device.tolist() == [0, 0, 0, 1, 1, 1]
    assert slots.act.tolist() == [False, True, True] * 2
    assert posts(slots) == ["1: 0F0>1F0", "5: 1B0>0B0"]


def test_a_send_posts_from_the_slot_that_it_stands_behind() -> None:
    graph = Graph(2, 2)
    rows = "0F0 0F1 0SEND_F0 0SEND_F1 0B0 0B1", "1SEND_B1 1RECV_F0 1F0 1F1 1B0 1B1 1SEND_B0 1SEND_B0"
    slots = slots_of(plan_by_hand(graph, *rows))
    assert posts(slots) == ["2: 0F0>1F0", "2: 0F1>1F1", "5: 1B1>0B1", "9: 1B0>0B0", "9: 1B0>0B0"]


def test_a_slot_waits_for_the_messages_to_its_action() -> None:
    slots = slots_of(plan_of("gpipe", 2, 1))
    begin, end = slots.awaited
    assert (end - begin).tolist() == [0, 0, 1, 0, 1, 0]
    waited = [message for first, behind in zip(begin, end, strict=True) for message in range(first, behind)]
    assert [str(message.producer) for message in slots.messages_at(waited)] == ["1B0", "0F0"]


def test_an_empty_program_has_its_start() -> None:
    slots = slots_of(plan_by_hand(Graph(2, 1), "0F0 0B0", ""))
    assert slots.first == [0, 3, 4]
    assert posts(slots) == ["1: 0F0>1F0"]
