"""The graph of a stored step, and its timeline, from a record alone."""

import re

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.models.layout import Shape, chain_of, graph_of
from pipebench.models.registry import MODELS
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.config import Config
from pipebench.records.run import RunRecord
from pipebench.records.simulation import SimulationConfig, SimulationRecord
from pipebench.records.spans import TimelineRecord
from pipebench.records.timelines import timeline_from
from pipebench.records.trace import TraceRecord
from pipebench.timing.timeline import Timeline

_HALF = re.compile(r"\s*\d+[IW]")


def timeline_of_run(record: RunRecord) -> Timeline | None:
    """The measured step nearest the median; ``None`` if the run ended before there was one.

    Raises:
        CorruptRecordError: It does not fit the record's configuration.
    """
    return None if record.timeline is None else timeline_from(record.timeline, graph_of_run(record))


def timeline_of_simulation(record: SimulationRecord) -> Timeline:
    """The simulated step.

    Raises:
        CorruptRecordError: It does not fit the record's configuration.
    """
    config = record.config
    shape = Shape(chain_of(config.stages, config.softmax_devices), config.softmax_devices)
    return timeline_from(record.timeline, _graph(shape, config, splits=_is_split(record.timeline)))


def timeline_of_trace(record: TraceRecord) -> Timeline:
    """The stored step of a run that another program measured.

    Raises:
        CorruptRecordError: It does not fit the record's plan.
    """
    return timeline_from(record.timeline, graph_of_trace(record))


def graph_of_trace(record: TraceRecord) -> Graph:
    """The graph of a run that another program measured: a chain of stages, on the devices that had them.

    Raises:
        CorruptRecordError: It is larger than any step, or a device has no stage.
    """
    plan = record.plan
    try:
        return Graph(
            plan.stages,
            plan.microbatches,
            device_of=tuple(plan.device_of),
            split_backward=plan.split_backward,
        )
    except UsageError as error:
        raise CorruptRecordError(f"plan: not that of a step: {error}") from None


def graph_of_run(record: RunRecord) -> Graph:
    """The graph of a run's step; a model that is not known here counts as a chain.

    Raises:
        CorruptRecordError: It is larger than any step.
    """
    config = record.config
    known = MODELS.get(config.model.name) if config.model is not None else None
    shape = Shape(
        chain_of(config.gpus, config.softmax_devices),
        config.softmax_devices,
        segments=1 if known is None else known.segments,
        clips=config.optimizer.clipping is not None,
        lone_head=config.partition is not None and config.partition[-1:] == [0],
    )
    plan = " ".join(record.plan or ()).split()
    return _graph(shape, config, splits=_is_split(record.timeline) or any(map(_HALF.match, plan)))


def _is_split(timeline: TimelineRecord | None) -> bool:
    """Whether any of its backwards is in halves; beside such, a B is a cell of both halves."""
    return timeline is not None and any(_HALF.match(span.action) for span in timeline.spans)


def _graph(shape: Shape, config: Config | SimulationConfig, *, splits: bool) -> Graph:
    """The graph of a stored step.

    The schedule says whether backwards are in halves; ``splits`` does for a schedule that is not known.

    Raises:
        CorruptRecordError: It is larger than any step.
    """
    schedule = SCHEDULES.get(config.schedule)
    splits = splits if schedule is None else schedule.splits_backward
    try:
        return graph_of(shape._replace(split_backward=splits), config.microbatches, config.chunks)
    except UsageError as error:
        raise CorruptRecordError(f"timeline: not one of this configuration: {error}") from None
