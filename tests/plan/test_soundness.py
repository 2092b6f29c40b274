"""What the arrays say of a plan, and what is found action by action, agree."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipebench.plan import check as by_action
from pipebench.plan.actions import Action
from pipebench.plan.check import PlanError
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.soundness import is_sound
from pipebench.plan.transfers import add_transfers
from tests.builders import PROPERTY, graphs
from tests.graphs import branching_graphs, shared_graphs


def has_no_fault(plan: Plan) -> bool:
    """Looked for action by action alone."""
    try:
        by_action._check_complete(plan)
        by_action._check_order(plan)
        if plan.has_transfers:
            by_action._check_transfers(plan)
    except PlanError:
        return False
    return True


def spoiled(actions: list[Action], random: Random) -> list[Action]:
    """One action moved, left out, there twice or another one."""
    at = random.randrange(len(actions))
    action = actions[at]
    kind = random.choice(["moved", "near", "out", "twice", "other", "peer"])
    if kind in {"moved", "near", "out"}:
        del actions[at]
    if kind == "moved":
        actions.insert(random.randrange(len(actions) + 1), action)
    elif kind == "near":
        actions.insert(min(at + 1, len(actions)), action)
    elif kind == "twice":
        actions.insert(random.randrange(len(actions) + 1), action)
    elif kind == "other":
        actions[at] = action._replace(
            **{random.choice(["stage", "microbatch", "chunk"]): random.randrange(12)}
        )
    elif kind == "peer":
        actions[at] = action._replace(peer=random.randrange(12))
    return actions


@PROPERTY
@given(shared_graphs | branching_graphs() | graphs, st.integers(0, 10**6), st.booleans())
def test_a_spoiled_plan_is_sound_if_nothing_is_found(graph: Graph, seed: int, transfers: bool) -> None:
    random = Random(seed)
    plan = SCHEDULES["gpipe"].plan(graph)
    whole = add_transfers(plan) if transfers else plan
    assert is_sound(whole)
    assert has_no_fault(whole)
    for _ in range(10):
        programs = [list(program) for program in whole.programs]
        program = random.choice(programs)
        for _ in range(random.choice([1, 1, 2])):
            if program:
                spoiled(program, random)
        made = Plan(graph, tuple(map(tuple, programs)))
        assert is_sound(made) == has_no_fault(made)


def test_a_program_too_few_or_too_many_is_not_sound() -> None:
    plan = SCHEDULES["gpipe"].plan(Graph(3, 2))
    assert not is_sound(Plan(plan.graph, plan.programs[:-1]))
    assert not is_sound(Plan(plan.graph, (*plan.programs, ())))
