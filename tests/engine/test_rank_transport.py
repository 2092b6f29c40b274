"""Which receives are posted when; that messages arrive is tested on live ranks."""

from pipebench.engine.rank_transport import _nexts
from pipebench.plan.actions import RECEIVES
from pipebench.plan.transfers import add_transfers, messages_by_action
from tests.builders import plan_of


def posted(schedule: str, device: int, ahead: int) -> dict[str | None, list[str]]:
    """By the message that was just taken (``None``: at the start), the receives that are posted."""
    plan = add_transfers(plan_of(schedule, 3, 4))
    messages = messages_by_action(plan.graph)
    incoming = [messages[action] for action in plan.programs[device] if action.operation in RECEIVES]
    found = _nexts(incoming, ahead)
    assert sorted(m for group in found.values() for m in group) == sorted(incoming), "each is posted once"
    return {
        str(taken.producer) if taken else None: [str(m.producer) for m in group]
        for taken, group in found.items()
    }


def test_two_a_direction_are_ahead_of_what_was_taken() -> None:
    assert posted("gpipe", 1, 2) == {
        None: ["0F0", "0F1", "2B3", "2B2"],
        "0F0": ["0F2"],
        "0F1": ["0F3"],
        "2B3": ["2B1"],
        "2B2": ["2B0"],
    }


def test_without_a_limit_all_are_posted_at_the_start() -> None:
    assert posted("1f1b", 1, 99) == {None: ["0F0", "0F1", "2B0", "0F2", "2B1", "0F3", "2B2", "2B3"]}
