"""Actions a second of the simulator's engines, beside those of the one event loop that came before them.

    python benchmarks/simulator-speed/measure.py [ROUNDS]

Both run the same plan at the same costs in one process, in turn, and are counted in CPU time of that process: others
that run beside it take none of that, though they share its caches. The median of the rounds is printed, as a table.
Each engine is timed until the makespan is there, and again until all spans and transfers are.
"""

import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import Message
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.timing import oracle


class Case(NamedTuple):
    """A plan to run, by its schedule and its graph."""

    schedule: str
    graph: Graph
    shape: str


CASES = (
    Case("gpipe", Graph(8, 16), "8 x 16"),
    Case("gpipe", Graph(8, 4096), "8 x 4096"),
    Case("1f1b", Graph(8, 4096), "8 x 4096"),
    Case("1f1b", Graph(200, 1000), "200 x 1000"),
    Case("1f1b", Graph(1024, 64), "1024 x 64"),
    Case("wavefront", Graph(8, 32, 64), "8 x 32, 64 chunks"),
    Case("gpipe", graph_of(Shape(32, "all"), 200, 1), "32 x 200, shared softmax"),
)
MEETING = tuple(CASES[place] for place in (0, 1, 5))  # 1f1b and shared softmaxes get stuck
LINKS = {"free": latency_only(0.1), "ports": Link(0.05, 100.0), "blocking": latency_only(0.1)}


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(
        "| transport | schedule | devices x microbatches | actions | before | makespan | all of it | times as fast |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for transport, case in ((transport, case) for transport in LINKS for case in CASES):
        if transport == "blocking" and case not in MEETING:
            continue
        print(row(transport, case, rounds), flush=True)


def row(transport: str, case: Case, rounds: int) -> str:
    """One line of the table, in thousands of actions a second."""
    plan, number = SCHEDULES[case.schedule].plan(case.graph), sum(1 for _ in case.graph.actions())
    ways: dict[str, Callable[[], Timeline]] = {
        "before": lambda: run(oracle.simulate, plan, costs, transport),
        "makespan": lambda: run(simulate, plan, costs, transport),
        "all": lambda: whole(run(simulate, plan, costs, transport)),
    }
    random = Random(1)
    costs = MeasuredCosts({action: random.uniform(0.5, 2.0) for action in case.graph.actions()})
    run(simulate, plan, costs, transport)  # numpy is loaded, and all is warm
    taken_s: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken_s[name].append(cpu_s(way, times=max(1, 20_000 // number)))
    before_s, makespan_s, all_s = (median(times_s) for times_s in taken_s.values())
    figures = [f"{number / seconds / 1e3:,.0f} k/s" for seconds in (before_s, makespan_s, all_s)]
    cells = [transport, case.schedule, case.shape, f"{number:,}", *figures]
    return f"| {' | '.join(cells)} | {before_s / makespan_s:.1f}, {before_s / all_s:.1f} |"


def run(simulator: Callable[..., Timeline], plan: Plan, costs: MeasuredCosts, transport: str) -> Timeline:
    """One simulation with all of a transport's options."""
    options: dict[str, Any] = {"blocking": True} if transport == "blocking" else {}
    return simulator(plan, costs, LINKS[transport], message_bytes=size_bytes, **options)


def size_bytes(message: Message) -> int:
    """Of a message: half as much for a forward as for a backward."""
    return 5 if message.producer.stage < message.consumer.stage else 10


def whole(timeline: Timeline) -> Timeline:
    """The timeline, all of which is made."""
    assert timeline.spans
    assert timeline.transfers
    return timeline


def cpu_s(way: Callable[[], Timeline], *, times: int) -> float:
    """CPU time of one call of several; what they made is freed after the clock is read."""
    gc.collect()
    start_s = time.process_time()
    made = [way() for _ in range(times)]
    taken_s = time.process_time() - start_s
    assert all(timeline.makespan_s > 0 for timeline in made)
    return taken_s / times


main()
