from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import Operation
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import CellCost, OrderCosts, costs_on_paper
from pipebench.plan.schedules.jobs import Jobs
from pipebench.plan.schedules.list_scheduling import Limits, listed
from pipebench.plan.schedules.order_search import Rules, Search, nearby, ranks_of, tapered, tries_for
from tests.builders import PROPERTY
from tests.orders import split


def test_forwards_and_backwards_alternate_from_the_offset_on() -> None:
    """1 stage, 2 microbatches of 3 chunks; keys of F 0 to 5, of I from the last chunk on 2 3 4 and 5 6 7."""
    graph = Graph(1, 2, 3, split_backward=True)
    jobs = Jobs(graph, costs_on_paper(graph), [1] * 3)
    rules = Rules((2,), ((),), 0.0, 1, finer_end=False, lead=0)
    order = sorted(range(12), key=ranks_of(jobs, rules).__getitem__)
    names = [f"{'FI'[jobs.backward[job]]}{jobs.microbatches[job]}.{jobs.low[job]}" for job in order]
    assert " ".join(names) == "F0.0 F0.1 I0.2 F0.2 I0.1 F1.0 I0.0 F1.1 I1.2 F1.2 I1.1 I1.0"


def test_what_is_beyond_the_chain_goes_first_and_its_backwards_by_their_lead() -> None:
    graph = split(graph_of(Shape(1, "all"), 1, 4))
    jobs = Jobs(graph, costs_on_paper(graph), [4])
    ranks = ranks_of(jobs, Rules((2,), ((),), 0.0, 4, finer_end=False, lead=2))
    place = {
        (jobs.stage[job], jobs.backward[job], int(jobs.low[job])): rank for job, rank in enumerate(ranks)
    }
    assert place[1, False, 0] < place[0, False, 0] < place[0, False, 1]
    assert place[1, True, 0] < place[0, False, 0]  # 2 slices sooner than the chain's, at 2
    assert place[0, False, 1] < place[0, True, 3] < place[0, False, 2]


@pytest.mark.parametrize(("size", "tries"), [(10, 100), (8_000, 50), (100_000, 6), (1_000_000, 1)])
def test_a_larger_graph_gets_fewer_tries(size: int, tries: int) -> None:
    assert tries_for(size) == tries


def test_lower_stages_get_more_and_growing_cells() -> None:
    assert tapered(8, 1.5) == ((2, 3, 5), (2, 3, 4), (3, 5), (2, 4), (4,), (3,), (2,), ())


@PROPERTY
@given(st.integers(1, 20), st.floats(0.5, 4))
def test_cells_of_a_taper_have_as_many_slices_as_it_says(chain: int, slope: float) -> None:
    for stage, sizes in enumerate(tapered(chain, slope)):
        assert sum(sizes) == round(slope * (chain - 1 - stage))
        assert all(size >= 1 for size in sizes)
        assert list(sizes) == sorted(sizes)


def test_nearby_cells_differ_in_one_thing_and_none_is_empty() -> None:
    assert nearby((1, 2)) == [(1,), (1, 2, 4), (3,), (2, 2), (1, 3), (1, 1)]
    assert nearby(()) == [(), (4,)]
    assert nearby((2,) * 100) == [(2, 2), (2, 2, 2)]


def test_the_search_keeps_an_order_that_is_no_slower_than_its_first_one() -> None:
    graph = split(graph_of(Shape(4, "all"), 2, 8))
    cells, messages = (CellCost(1.0, 0.5),) * graph.stages, (0.1,) * graph.stages
    costs = OrderCosts(cells, cells, cells, messages, messages)
    search = Search(graph, costs, Limits(inf, inf))
    first, jobs = search.rules, search._jobs_of(search.rules)
    before = listed(jobs, ranks_of(jobs, first), search._filling(first), search.limits)
    found = search.run()
    assert found.end_s < before.end_s
    jobs = search._jobs_of(search.rules)
    again = listed(jobs, ranks_of(jobs, search.rules), search._filling(search.rules), search.limits)
    assert again == found
    assert len(search._tried) <= search.tries


def test_a_graph_with_expensive_calls_has_larger_cells() -> None:
    graph = Graph(4, 2, 32, split_backward=True)
    numbers = []
    for call_s in (0.0, 3.0):
        cells, messages = (CellCost(1.0),) * 4, (0.1,) * 4
        costs = OrderCosts(cells, cells, (CellCost(1.0, call_s),) * 4, messages, messages)
        programs = Search(graph, costs, Limits()).run().programs
        numbers.append(sum(a.operation is Operation.BACKWARD_WEIGHT for program in programs for a in program))
    assert numbers[1] < numbers[0]
