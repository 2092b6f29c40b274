from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import inputs_of_cell, units_of
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import costs_on_paper
from pipebench.plan.schedules.jobs import Jobs, groups_of
from tests.builders import PROPERTY
from tests.orders import random_order_costs, split, split_graphs

OPERATIONS = Operation.FORWARD, Operation.BACKWARD_INPUT


def cell_of(jobs: Jobs, job: int) -> Action:
    low, high = int(jobs.low[job]), int(jobs.high[job])
    place = jobs.stage[job], int(jobs.microbatches[job]), low
    return Action(OPERATIONS[jobs.backward[job]], *place, chunks=high - low + 1)


def test_groups_cover_all_chunks_and_may_end_finer() -> None:
    assert groups_of(10, 4, finer_end=False) == [4, 4, 2]
    assert groups_of(8, 4, finer_end=True) == [4, 2, 1, 1]
    assert groups_of(1, 4, finer_end=True) == [1]


def test_a_shared_softmax_runs_in_groups_and_the_chain_slice_by_slice() -> None:
    graph = split(graph_of(Shape(2, "all"), 1, 4))
    jobs = Jobs(graph, costs_on_paper(graph), [2, 2])
    texts = [graph.text(cell_of(jobs, job)) for job in range(len(jobs.stage))]
    forwards = (
        "0F0.0 0F0.1 0F0.2 0F0.3 1F0.0 1F0.1 1F0.2 1F0.3 2F0.0-1 2F0.2-3 3F0.0-1 3F0.2-3 4F0.0-1 4F0.2-3"
    )
    assert texts == [*forwards.split(), *forwards.replace("F", "I").split()]


@PROPERTY
@given(split_graphs, st.integers(1, 4), st.booleans(), st.integers(0, 100))
def test_jobs_wait_for_what_the_rule_says(graph: Graph, size: int, finer: bool, seed: int) -> None:
    costs = random_order_costs(graph, seed)
    jobs = Jobs(graph, costs, groups_of(graph.chunks, size, finer_end=finer))
    cells = [cell_of(jobs, job) for job in range(len(jobs.stage))]
    here, sent = edges(jobs)
    for job, cell in enumerate(cells):
        assert jobs.slices[job] == len(units_of(graph, cell))
        needed = inputs_of_cell(graph, cell)
        remote = [unit for unit in needed if graph.device(unit) != jobs.device[job]]
        local = {int(jobs.job_of[number]) for number in numbers(jobs, needed)} - {-1}
        local = {other for other in local if jobs.device[other] == jobs.device[job]}
        assert local <= here[job]
        assert len(sent[job]) == len(remote)
        assert jobs.waits[job] == len(here[job]) + len(sent[job])
        for more in here[job] - local:  # in a row, which the rule does not ask for
            assert cells[more].stage == cell.stage < graph.chain
            assert cells[more].operation is cell.operation


def edges(jobs: Jobs) -> tuple[list[set[int]], list[list[int]]]:
    """Of each job those that it waits for on its device, and the producers of its messages."""
    here: list[set[int]] = [set() for _ in jobs.stage]
    sent: list[list[int]] = [[] for _ in jobs.stage]
    for job in range(len(jobs.stage)):
        for follower in jobs.followers[jobs.first_follower[job] : jobs.first_follower[job + 1]]:
            here[follower].add(job)
        for message in range(jobs.first_message[job], jobs.first_message[job + 1]):
            sent[jobs.consumers[message]].append(job)
            assert jobs.senders[message] == jobs.device[job]
            assert jobs.receivers[message] == jobs.device[jobs.consumers[message]]
    return here, sent


def numbers(jobs: Jobs, units: list[Action]) -> list[int]:
    _, stages, microbatches, chunks = jobs._numbers.shape
    return [
        ((OPERATIONS.index(unit.operation) * stages + unit.stage) * microbatches + unit.microbatch) * chunks
        + unit.chunk
        for unit in units
    ]
