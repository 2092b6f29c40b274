"""The work that a stored step was of, and the step's timeline on it: from a record alone."""

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.models.layout import Shape, chain_of, graph_of
from pipebench.models.registry import MODELS
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.schema import Config, RunRecord
from pipebench.records.simulation import SimulationConfig, SimulationRecord
from pipebench.records.timelines import timeline_from
from pipebench.timing.timeline import Timeline


def timeline_of_run(record: RunRecord) -> Timeline | None:
    """The measured step nearest the median; ``None`` if the run ended before there was one.

    Raises:
        CorruptRecordError: It is not one of the record's configuration.
    """
    return None if record.timeline is None else timeline_from(record.timeline, _graph_of_run(record.config))


def timeline_of_simulation(record: SimulationRecord) -> Timeline:
    """The simulated step.

    Raises:
        CorruptRecordError: It is not one of the record's configuration.
    """
    config = record.config
    shape = Shape(chain_of(config.stages, config.softmax_devices), config.softmax_devices)
    return timeline_from(record.timeline, _graph(shape, config))


def _graph_of_run(config: Config) -> Graph:
    """The work of a run's step; of a model that is not known here as if it were a chain's."""
    known = MODELS.get(config.model.name) if config.model is not None else None
    shape = Shape(
        chain_of(config.gpus, config.softmax_devices),
        config.softmax_devices,
        segments=1 if known is None else known.segments,
        clips=config.optimizer.clipping is not None,
        lone_head=config.partition is not None and config.partition[-1:] == [0],
    )
    return _graph(shape, config)


def _graph(shape: Shape, config: Config | SimulationConfig) -> Graph:
    """The work of a stored step.

    Raises:
        CorruptRecordError: It is more than any step has.
    """
    schedule = SCHEDULES.get(config.schedule)
    splits = schedule is not None and schedule.splits_backward
    try:
        return graph_of(shape._replace(split_backward=splits), config.microbatches, config.chunks)
    except UsageError as error:
        raise CorruptRecordError(f"timeline: not one of this configuration: {error}") from None
