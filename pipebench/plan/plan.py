"""A plan: the actions of every device in program order, as text and as CSV.

The CSV has one row for each device and one action in each table cell; empty table cells have no meaning. With
one chunk, and no cells of several slices, it is the format of ``torch.distributed.pipelining``.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipebench.errors import UsageError
from pipebench.plan.actions import COMPUTE, Action, Operation, parse_action
from pipebench.plan.cells import resolved, units_of
from pipebench.plan.graph import Graph

Program = tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """``programs[d]`` holds the actions of device d, first to last: units, and cells of several units.

    A plan may or may not have its transfers yet.
    """

    graph: Graph
    programs: tuple[Program, ...]

    def program(self, device: int) -> Program:
        """The program of a device; empty for a device that the plan does not use."""
        return self.programs[device] if device < len(self.programs) else ()

    @property
    def has_transfers(self) -> bool:
        """Whether any program sends or receives."""
        return any(action.operation not in COMPUTE for program in self.programs for action in program)

    def text(self) -> str:
        """The plan as text, one line for each device: ``0: 0F0 0F1 0B1 0B0``."""
        lines = (
            f"{device}: {' '.join(self.graph.text(action) for action in program)}"
            for device, program in enumerate(self.programs)
        )
        return "\n".join(lines)

    def csv(self) -> str:
        """The plan as CSV, one row for each device."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerows([self.graph.text(action) for action in program] for program in self.programs)
        return buffer.getvalue()

    def misread_by_torch(self) -> str | None:
        """What ``torch.distributed.pipelining`` would misread in the CSV; ``None`` if it reads this plan.

        It reads an action up to its first microbatch, and ignores the rest.
        """
        cell = next((a for program in self.programs for a in program if a.slices > 1), None)
        found = [] if self.graph.is_chain else [_as_one_more_stage(self.graph.chain)]
        if self.graph.is_chain and self.graph.chunks > 1:
            found.append(_as_whole_microbatch(self.graph, self.programs[0][0], has_cells=cell is not None))
        if cell is not None:
            found.append(_as_its_first_slice(self.graph, cell))
        return f"torch.distributed.pipelining {'; it '.join(found)}" if found else None


def _as_one_more_stage(stage: int) -> str:
    """How torch reads a piece of a shared softmax."""
    return (
        f"only knows stages in a chain: it would read stage {stage}, a piece of the softmax, as one more stage of the "
        "chain"
    )


def _as_whole_microbatch(graph: Graph, action: Action, *, has_cells: bool) -> str:
    """How torch reads an action on one chunk of several."""
    reads = (
        "another --schedule with --chunks 1 gives a plan that it reads as it is"
        if has_cells
        else "it reads a plan of one chunk as it is (--chunks 1)"
    )
    return (
        f"has no chunks and would read {graph.text(action)} as {_read_as(action)}, each chunk as the whole microbatch "
        f"again; {reads}"
    )


def _as_its_first_slice(graph: Graph, cell: Action) -> str:
    """How torch reads a cell of several slices, and what to write in its place where it knows the slices."""
    text = f"has no cells of several slices and would read {graph.text(cell)} as {_read_as(cell)}, and drop the rest"
    if graph.chunks > 1:
        return text
    units = ",".join(map(graph.text, units_of(graph, cell)))
    return f"{text}; write such a cell as its slices for it, here {units}"


def _read_as(action: Action) -> str:
    """What torch reads of an action's text: its first microbatch, whole."""
    return action._replace(chunk=0, microbatches=1, chunks=1).text(of_chunks=1)


def plan_from_csv(text: str, graph: Graph | None = None) -> Plan:
    """Read a plan from CSV.

    Args:
        text: the text of the file.
        graph: the graph that the plan orders; by default the smallest chain of stages with all its actions.

    Raises:
        UsageError: A table cell is no action, a stage is in two rows or missing, or there is no action at all.
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
    """The actions of a program, with their cells resolved; units that the graph does not have are left to the check."""
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
    """Whether any backward comes in halves, I and W; then a B is a cell of both."""
    halves = {Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT}
    return any(action.operation in halves for action in actions)
