"""Which stages, devices and microbatches the rows of a recording have: one graph, the same in all steps. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.foreign.rows import COMPUTE, Recording, Row
from pipebench.plan.graph import Graph

_BACKWARDS = {"B": ("B",), "I": ("I", "W"), "W": ("I", "W")}
_WORDS = {
    "F": "forward",
    "B": "backward",
    "I": "input's half of the backward",
    "W": "weights' half of the backward",
}
_SEEN = {"F": 1, "B": 2, "I": 4, "W": 8}
_WHOLE = frozenset({_SEEN["F"] | _SEEN["B"], _SEEN["F"] | _SEEN["I"] | _SEEN["W"]})
_Key = tuple[str, int, int]  # operation, stage, microbatch


@dataclass(frozen=True)
class Shape:
    """The graph of a recording; ``numbers`` counts each replica's devices from 0, by replica and device."""

    recording: Recording
    graph: Graph
    numbers: Mapping[tuple[int, int], int]
    notices: tuple[str, ...]

    def device(self, row: Row) -> int:
        """The device of a row, counted from 0 within its replica."""
        return self.numbers[row.replica, row.device]

    def check_whole(self, compute: Sequence[Row]) -> None:
        """Check that each forward and backward of a step is there once, on its device.

        Raises:
            CorruptRecordError: One is missing, there twice or on another device; the text names rows.
        """
        seen: dict[tuple[int, int], int] = defaultdict(int)  # of each stage and microbatch
        for row in compute:
            where, what = (row.stage, _microbatch(row)), _SEEN[row.operation]
            if seen[where] & what:
                raise self._twice(row, compute)
            seen[where] |= what
            if self.device(row) != self.graph.device_of[row.stage]:
                raise CorruptRecordError(
                    f"{self.recording.place(row)}: stage {row.stage} on device {row.device}: expected it on the "
                    "device that it is on elsewhere in the recording, one for all steps"
                )
        if len(seen) == self.graph.stages * self.graph.microbatches and _WHOLE.issuperset(seen.values()):
            return
        found = {(row.operation, row.stage, _microbatch(row)): row for row in compute}
        for row in compute:
            self._check_pair(row, found)
        self._check_all(compute, found)

    def _twice(self, row: Row, compute: Sequence[Row]) -> CorruptRecordError:
        """The error for a row that does what an earlier one does."""
        place = self.recording.place
        first = next(each for each in compute if (each.name, each.operation) == (row.name, row.operation))
        return CorruptRecordError(
            f"{place(first)} and {place(row)}: the same {_WORDS[row.operation]} twice in step {row.step} of replica "
            f"{row.replica}: expected each once"
        )

    def _check_pair(self, row: Row, found: Mapping[_Key, Row]) -> None:
        """Check that a forward has its backward, whole or in halves, and a backward its forward."""
        place, where = self.recording.place(row), (row.stage, _microbatch(row))
        there = [operation for operation in COMPUTE[1:] if (operation, *where) in found]
        if row.operation == "F" and not there:
            raise CorruptRecordError(
                f"{place}: a forward without its backward in step {row.step} of replica {row.replica}: expected a row "
                f"with operation B (or I and W), stage {row.stage}, microbatch {row.microbatch}{self._if_cut(row)}"
            )
        if row.operation != "F" and ("F", *where) not in found:
            raise CorruptRecordError(
                f"{place}: a backward without its forward in step {row.step} of replica {row.replica}: expected a row "
                f"with operation F, stage {row.stage}, microbatch {row.microbatch}{self._if_cut(row)}"
            )
        if row.operation != "F" and there != list(_BACKWARDS[row.operation]):
            raise CorruptRecordError(
                f"{place}: found {' and '.join(there)} of stage {row.stage}, microbatch {row.microbatch} in step "
                f"{row.step} of replica {row.replica}: expected B alone, or I and W"
            )

    def _check_all(self, compute: Sequence[Row], found: Mapping[_Key, Row]) -> None:
        """Check that every stage has every microbatch."""
        for stage in range(self.graph.stages):
            for microbatch in range(self.graph.microbatches):
                if ("F", stage, microbatch) not in found:
                    other = next((row for row in compute if row.microbatch == microbatch), compute[0])
                    raise CorruptRecordError(
                        f"{self.recording.place(other)}: step {other.step} of replica {other.replica} has no forward "
                        f"of stage {stage}, microbatch {microbatch}: expected all of {self.graph.stages} stages and "
                        f"{self.graph.microbatches} microbatches in every step, counted from 0{self._if_cut(other)}"
                    )

    def _if_cut(self, row: Row) -> str:
        """What to do if a table begins or ends within a step; readers of traces leave such steps out."""
        steps = {each.step for each in self.recording.rows if each.operation in COMPUTE}
        end = "first" if row.step == min(steps) else "last" if row.step == max(steps) else None
        if end is None or len(steps) == 1 or self.recording.files[row.file].kind != "spans":
            return ""
        return (
            f"; if the recording was cut in this step, its {end} one, leave out all rows of step {row.step}"
        )


def shape_of(recording: Recording) -> Shape:
    """Find the graph of a recording.

    Raises:
        CorruptRecordError: There is no forward or backward in it, or a stage is on two devices.
    """
    compute = [row for row in recording.rows if row.operation in COMPUTE]
    if not compute:
        some = ", ".join(sorted({row.operation for row in recording.rows})[:5]) or "no rows"
        raise CorruptRecordError(
            f"{recording.files[0].path}: expected forwards and backwards (operations F, B, I, W), found {some}"
        )
    _check_replicas(recording, compute)
    numbers, notices = _numbers(compute, recording.rows)
    device_of: dict[int, int] = {}
    for row in compute:
        device_of.setdefault(row.stage, numbers[row.replica, row.device])
    stages = max(device_of) + 1
    missing = next((stage for stage in range(stages) if stage not in device_of), None)
    if missing is not None:
        highest = next(row for row in compute if row.stage == stages - 1)
        raise CorruptRecordError(
            f"{recording.place(highest)}: stage {stages - 1}, and no forward of stage {missing} anywhere: expected "
            "stages counted from 0, without gaps"
        )
    try:
        graph = Graph(
            stages,
            max(_microbatch(row) for row in compute) + 1,
            device_of=tuple(device_of[stage] for stage in range(stages)),
            split_backward=any(row.operation in ("I", "W") for row in compute),
        )
    except UsageError as error:
        raise CorruptRecordError(f"{recording.files[0].path}: {error}") from None
    return Shape(recording, graph, numbers, tuple(notices))


def _check_replicas(recording: Recording, compute: Iterable[Row]) -> None:
    """Check that all replicas have the same stages; if one has fewer, a rank's rows are missing."""
    stages: dict[int, set[int]] = defaultdict(set)
    for row in compute:
        stages[row.replica].add(row.stage)
    every = set().union(*stages.values())
    for replica, own in sorted(stages.items()):
        for missing in sorted(every - own):
            other = next(each for each, found in sorted(stages.items()) if missing in found)
            raise CorruptRecordError(
                f"{recording.files[0].path}: replica {replica} has no forward or backward of stage {missing}, and "
                f"replica {other} has: expected the rows of all ranks; name the files of all of them"
            )


def _numbers(compute: Iterable[Row], rows: Iterable[Row]) -> tuple[dict[tuple[int, int], int], list[str]]:
    """Count each replica's devices from 0, in their order; those that compute nothing come last."""
    working, others = defaultdict(set), defaultdict(set)
    for row in compute:
        working[row.replica].add(row.device)
    for row in rows:
        others[row.replica].add(row.device)
    numbers: dict[tuple[int, int], int] = {}
    notices: list[str] = []
    for replica, computing in sorted(working.items()):
        order = [*sorted(computing), *sorted(others[replica] - computing)]
        numbers |= {(replica, device): number for number, device in enumerate(order)}
        notices += _renumbered(replica, order)
    for replica in others.keys() - working.keys():
        numbers |= {(replica, device): device for device in others[replica]}
    return numbers, notices


def _renumbered(replica: int, order: Sequence[int]) -> Iterator[str]:
    if order != list(range(len(order))):
        shown = ", ".join(map(str, order[:8])) + (", ..." if len(order) > 8 else "")
        yield f"devices {shown} of replica {replica} are counted as 0 to {len(order) - 1}"


def _microbatch(row: Row) -> int:
    assert row.microbatch is not None, "readers see to it"
    return row.microbatch
