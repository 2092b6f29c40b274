"""The schedules: each a pure function that orders a graph into a plan of compute actions.

Help, errors and tests share this registry: one line about each schedule, the sizes that it takes, and its
defaults.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipebench.errors import UsageError
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import OrderCosts
from pipebench.plan.plan import Plan
from pipebench.plan.schedules.gpipe import gpipe
from pipebench.plan.schedules.naive import naive
from pipebench.plan.schedules.one_f_one_b import deep_one_f_one_b, one_f_one_b
from pipebench.plan.schedules.placing import placed
from pipebench.plan.schedules.reducing import reduced
from pipebench.plan.schedules.wavefront import wavefront
from pipebench.plan.schedules.wavefront_zb import wavefront_zb
from pipebench.plan.schedules.zb_h1 import zb_h1


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule with what a user must know of it.

    ``microbatches`` and ``chunks`` are the defaults. ``single``: both must be 1. ``splits_backward``: it orders I and W
    by themselves, while other schedules run one B that takes as long as both. ``takes_costs``: it orders the whole
    graph, not only the chain, and takes costs and bounds.
    """

    name: str
    summary: str
    order: Callable[..., Plan]
    microbatches: int
    chunks: int
    single: bool = False
    splits_backward: bool = False
    takes_costs: bool = False

    def plan(
        self,
        graph: Graph,
        costs: OrderCosts | None = None,
        *,
        most_alive: int | None = None,
        most_waiting: int | None = None,
    ) -> Plan:
        """Order the graph: the chain by the schedule, other stages placed between, and reductions at the end.

        A schedule orders every slice of every stage of the chain; slices in which a stage does not live are then left
        out.

        Args:
            graph: the graph of a step.
            costs: costs of its actions, which only some schedules look at.
            most_alive: the most slices of a stage that are kept for its backward, if the schedule takes bounds.
            most_waiting: the most slices of a stage whose W is put off, if the schedule takes bounds.

        Raises:
            UsageError: The graph's sizes are not legal for this schedule, or it needs a backward in halves.
        """
        self.check_sizes(graph.microbatches, graph.chunks_each)
        if self.splits_backward and not graph.split_backward:
            raise UsageError(
                f"schedule {self.name} takes a backward in two halves, got a whole one: use 1f1b"
            )
        slices = replace(graph, clips=False) if graph.clips else graph
        if self.takes_costs:
            ordered = self.order(slices, costs, most_alive=most_alive, most_waiting=most_waiting)
            return reduced(graph, ordered)
        alone = graph.chain_alone
        chain = Plan(alone, tuple(tuple(filter(alone.has, each)) for each in self.order(alone).programs))
        return reduced(graph, chain if graph.is_chain else placed(slices, chain))

    def check_sizes(self, microbatches: int, chunks: int) -> None:
        """Refuse sizes that this schedule cannot order.

        Raises:
            UsageError: It takes one microbatch and one chunk only.
        """
        if self.single and (microbatches, chunks) != (1, 1):
            raise UsageError(
                f"schedule {self.name} takes 1 microbatch and 1 chunk, got {microbatches} and {chunks}: "
                "leave both out, or use gpipe"
            )


SCHEDULES: dict[str, Schedule] = {
    schedule.name: schedule
    for schedule in (
        Schedule("naive", "one device at a time, the whole batch at once", naive, 1, 1, single=True),
        Schedule("gpipe", "all forwards, then all backwards, over microbatches", gpipe, 16, 1),
        Schedule("1f1b", "as gpipe, alternating early to keep fewer activations alive", one_f_one_b, 16, 1),
        Schedule(
            "1f1b-deep",
            "as 1f1b with 2 more microbatches in flight, as a shared softmax needs",
            deep_one_f_one_b,
            16,
            1,
        ),
        Schedule("wavefront", "as gpipe, but cuts time into chunks too, as in 2014", wavefront, 4, 8),
        Schedule(
            "zb-h1",
            "as 1f1b, but computes the gradients of the weights when it would otherwise wait",
            zb_h1,
            16,
            1,
            splits_backward=True,
        ),
        Schedule(
            "wavefront-zb",
            "as wavefront, with backwards in halves as in zb-h1, ordered by measured costs",
            wavefront_zb,
            2,
            32,
            splits_backward=True,
            takes_costs=True,
        ),
    )
}


def schedule_named(name: str) -> Schedule:
    """The schedule of this name.

    Raises:
        UsageError: There is no such schedule; the text lists all names.
    """
    try:
        return SCHEDULES[name]
    except KeyError:
        known = ", ".join(SCHEDULES)
        raise UsageError(f"unknown schedule {name!r}: expected one of {known}") from None
