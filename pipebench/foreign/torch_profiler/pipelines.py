"""Which ranks make one pipeline: by the process groups that a rank's file names, or by stages that come twice."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipebench.errors import UsageError
from pipebench.foreign.torch_profiler.events import Trace

_NAMED = re.compile(r"(?<![a-z])(pp|pipe|pipeline|pipelining)(?![a-z])")
_TOLD = 8  # so many ranks at most are named in an error


class Place(NamedTuple):
    """Where a rank is: the replica of the model, and the device in it."""

    replica: int
    device: int


class Places(NamedTuple):
    """The place of each trace, in their order, and what had to be assumed."""

    places: Sequence[Place]
    notices: Sequence[str]


def places_of(traces: Sequence[Trace], stages: Sequence[frozenset[int]]) -> Places:
    """The place of each rank.

    Args:
        traces: one a rank.
        stages: the stages that the labels of each rank name; empty where they name none.

    Raises:
        UsageError: A rank is missing, or there twice.
    """
    _check_once(traces)
    named = {trace.rank: group for trace in traces if (group := _named_group(trace))}
    notices: list[str] = []
    if len(named) == len(traces):
        pipelines = sorted(set(named.values()))
        _check_all({rank for ranks in pipelines for rank in ranks}, traces)
    else:
        _check_all(set(_world(traces)), traces)
        pipelines, notices = _unnamed(traces, stages)
    found = {rank: Place(*at) for at, rank in _numbered(pipelines)}
    return Places([found[trace.rank] for trace in traces], notices)


def _numbered(pipelines: Sequence[Sequence[int]]) -> list[tuple[tuple[int, int], int]]:
    return [
        ((replica, device), rank)
        for replica, ranks in enumerate(pipelines)
        for device, rank in enumerate(ranks)
    ]


def _named_group(trace: Trace) -> tuple[int, ...] | None:
    """The ranks of the group whose name says that it is a pipeline."""
    groups = (group for group in trace.groups if _NAMED.search(group.pg_desc.lower()))
    return next((tuple(group.ranks) for group in groups if trace.rank in group.ranks), None)


def _world(traces: Sequence[Trace]) -> range:
    return range(max(max(trace.rank + 1, trace.world or 0) for trace in traces))


def _unnamed(
    traces: Sequence[Trace], stages: Sequence[frozenset[int]]
) -> tuple[list[tuple[int, ...]], list[str]]:
    """Pipelines by their stages: ranks with the same stages are replicas of each other."""
    alike: Mapping[frozenset[int], list[int]] = defaultdict(list)
    for trace, own in sorted(zip(traces, stages, strict=True), key=lambda each: each[0].rank):
        alike[own].append(trace.rank)
    replicas = {len(ranks) for ranks in alike.values()}
    if frozenset() not in alike and replicas != {1} and len(replicas) == 1:
        notice = (
            "no group of ranks is named as a pipeline (pp): ranks with the same stages are taken as replicas"
        )
        return sorted(zip(*alike.values(), strict=True)), [notice]
    smaller = any(1 < len(group.ranks) < len(traces) for trace in traces for group in trace.groups)
    notice = "no group of ranks is named as a pipeline (pp): all ranks are taken as one"
    return [tuple(_world(traces))], [notice] if smaller else []


def _check_once(traces: Sequence[Trace]) -> None:
    first: dict[int, str] = {}
    for trace in traces:
        if trace.rank in first:
            raise UsageError(
                f"expected one trace a rank, got two of rank {trace.rank}: {first[trace.rank]} and {trace.path}"
            )
        first[trace.rank] = trace.path


def _check_all(expected: set[int], traces: Sequence[Trace]) -> None:
    missing = sorted(expected - {trace.rank for trace in traces})
    if missing:
        text = ", ".join(str(rank) for rank in missing[:_TOLD]) + (", ..." if len(missing) > _TOLD else "")
        raise UsageError(
            f"expected the traces of all {len(expected)} ranks, got {len(traces)}: "
            f"none of rank {text}; name one file a rank"
        )
