"""Span tables with known answers: simulated steps, and the faults of real recorders put in."""

import gzip
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pipebench.foreign.rows import Row
from pipebench.foreign.span_table import HEADER
from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline

Cost = Callable[[Action], float]


def usual(action: Action) -> float:
    """A forward takes 1 ms, a backward twice as long, its halves as long as a forward."""
    return 2e-3 if action.operation is Operation.BACKWARD else 1e-3


def timeline(
    *,
    stages: int = 4,
    microbatches: int = 4,
    schedule: str = "1f1b",
    device_of: tuple[int, ...] = (),
    cost: Cost = usual,
    transfer_s: float = 0.0,
) -> Timeline:
    """A simulated step."""
    split = SCHEDULES[schedule].splits_backward
    graph = Graph(stages, microbatches, device_of=device_of, split_backward=split)
    plan = SCHEDULES[schedule].plan(graph)
    costs = MeasuredCosts({action: cost(action) for program in plan.programs for action in program})
    return simulate(plan, costs, transfer_s=lambda _: transfer_s)


def rows_of(step: Timeline, *, number: int = 0, replica: int = 0, begin_s: float = 0.0) -> list[Row]:
    """Its forwards and backwards."""
    return [
        Row(
            number,
            replica,
            span.device,
            span.action.operation.value,
            span.action.stage,
            span.action.microbatch,
            begin_s + span.start_s,
            begin_s + span.end_s,
        )
        for span in step.spans
    ]


def text_of(rows: Iterable[Row], header: Sequence[str] = HEADER) -> str:
    """The table."""
    lines = [",".join(header)]
    for row in rows:
        cells = dict(zip(HEADER, row, strict=False)) | {
            "microbatch": "" if row.microbatch is None else row.microbatch
        }
        lines.append(
            ",".join(repr(cells[name]) if name.endswith("_s") else str(cells[name]) for name in header)
        )
    return "\n".join(lines) + "\n"


def written(path: Path, rows: Iterable[Row]) -> Path:
    """The table as a file, packed if its name says so."""
    document = text_of(rows).encode()
    path.write_bytes(gzip.compress(document, mtime=0) if path.suffix == ".gz" else document)
    return path
