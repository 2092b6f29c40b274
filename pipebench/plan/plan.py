"""A plan: the actions of every device in program order, as text and as CSV.

The CSV has one row a device and one action a cell; empty cells are idle slots and carry no meaning. With
one chunk it is the format of ``torch.distributed.pipelining``, read and written alike.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipebench.errors import UsageError
from pipebench.plan.actions import COMPUTE, Action, Operation, parse_action
from pipebench.plan.cells import resolved
from pipebench.plan.graph import Graph

Program = tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """``programs[d]`` is what device d does, first to last: cells, many of one unit alone.

    A plan may or may not hold transfers yet.
    """

    graph: Graph
    programs: tuple[Program, ...]

    def program(self, device: int) -> Program:
        """What a device runs; nothing on one beyond those that the plan is for."""
        return self.programs[device] if device < len(self.programs) else ()

    @property
    def has_transfers(self) -> bool:
        """Whether any program sends or receives."""
        return any(action.operation not in COMPUTE for program in self.programs for action in program)

    def text(self) -> str:
        """One line a device: ``0: 0F0 0F1 0B1 0B0``."""
        lines = (
            f"{device}: {' '.join(self.graph.text(action) for action in program)}"
            for device, program in enumerate(self.programs)
        )
        return "\n".join(lines)

    def csv(self) -> str:
        """One row a device, one action a cell."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerows([self.graph.text(action) for action in program] for program in self.programs)
        return buffer.getvalue()

    def misread_by_torch(self) -> str | None:
        """What ``torch.distributed.pipelining`` would make of the CSV, if that is not this plan.

        It reads an action up to its microbatch and does not look at what is behind it.
        """
        if not self.graph.is_chain:
            return (
                f"torch.distributed.pipelining knows stages in a chain alone and would read stage {self.graph.chain}, "
                "a piece of the softmax, as one more of it"
            )
        if self.graph.chunks == 1:
            return None
        first = self.programs[0][0]
        text, read_as = self.graph.text(first), first._replace(chunk=0).text(of_chunks=1)
        return (
            f"torch.distributed.pipelining has no chunks and would read {text} as {read_as}, each chunk as the whole "
            "microbatch again; it reads a plan of one chunk as it is (--chunks 1)"
        )


def plan_from_csv(text: str, graph: Graph | None = None) -> Plan:
    """Read a plan from CSV.

    Args:
        text: of the file.
        graph: that it orders; by default the smallest chain of stages that has all of its actions.

    Raises:
        UsageError: A cell is no action, a stage stands in two rows, or there is no action at all.
    """
    programs: list[Program] = []
    try:
        programs.extend(
            tuple(parse_action(cell) for cell in cells if cell.strip())
            for cells in csv.reader(io.StringIO(text))
        )
    except (UsageError, csv.Error) as error:
        raise UsageError(f"plan CSV, row {len(programs) + 1}: {error}") from None
    graph = graph or _graph_of(programs)
    return Plan(graph, tuple(tuple(_resolved(graph, program)) for program in programs))


def _resolved(graph: Graph, program: Program) -> Iterator[Action]:
    """Its actions, cells of slices that are there; a unit that the graph does not have is left to the check."""
    return (resolved(graph, a) if (a.microbatches, a.chunks) != (1, 1) else a for a in program)


def _graph_of(programs: list[Program]) -> Graph:
    """The smallest graph that holds all actions of the programs."""
    found = [action for program in programs for action in program]
    if not found:
        raise UsageError("plan CSV: expected at least one action such as 0F0, found none")
    stages = 1 + max(action.stage for action in found)
    owner: dict[int, int] = {}
    for device, program in enumerate(programs):
        for action in program:
            if owner.setdefault(action.stage, device) != device:
                raise UsageError(
                    f"plan CSV: stage {action.stage} stands in rows {owner[action.stage] + 1} and {device + 1}; "
                    "a stage runs on one device"
                )
    missing = sorted(set(range(stages)) - owner.keys())
    if missing:
        raise UsageError(f"plan CSV: no action of stage {missing[0]}, though stage {stages - 1} is there")
    return Graph(
        stages=stages,
        microbatches=max(action.microbatch + action.microbatches for action in found),
        chunks=max(action.chunk + max(action.chunks, 1) for action in found),
        device_of=tuple(owner[stage] for stage in range(stages)),
        split_backward=_is_split(found),
    )


def _is_split(actions: Iterable[Action]) -> bool:
    """Whether any backward comes in halves, I and W; a B beside those is a cell of both."""
    halves = {Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT}
    return any(action.operation in halves for action in actions)
