"""The warnings of a stored record; those that follow from its own figures are made anew. Pure.

Older versions asserted some causes by rule. Their records are shown with what the figures say instead.
"""

from math import floor

from pipebench.config.run_config import RunConfig
from pipebench.diagnosis.causes import Cores, more_equal
from pipebench.diagnosis.factors import Factors
from pipebench.diagnosis.sharing import link_of, other_way
from pipebench.diagnosis.warnings import Facts, warnings
from pipebench.errors import UsageError
from pipebench.models.edges import DTYPE_BYTES
from pipebench.models.registry import DEFAULT_MODEL, MODELS
from pipebench.plan.schedules import schedule_named
from pipebench.records.run import RunRecord
from pipebench.records.schema import WarningRecord
from pipebench.timing.timeline import Timeline
from pipebench.warning_codes import WarningCode

_DERIVED = frozenset(
    {
        WarningCode.IMBALANCE,
        WarningCode.SHARING_SLOWS,
        WarningCode.SLOWER_THAN_ONE_DEVICE,
        WarningCode.CPU_CONTENTION,
    }
)


def retold(
    record: RunRecord, factors: Factors | None, timeline: Timeline | None = None
) -> list[WarningRecord]:
    """The warnings to show of a record.

    Args:
        record: the record as it is stored.
        factors: those of its step. Without them all warnings are shown as they are stored, and so are those of a model
            that cannot be put on paper again.
        timeline: the timeline of the step.
    """
    if factors is None or record.speedup is None or not _is_known(record.config.schedule):
        return record.warnings
    if not _has_outline(record):
        return record.warnings
    cores = _cores(record)
    config = run_config_of(record)
    facts = Facts(
        config=config,
        launches=record.launches,
        devices=record.devices,
        measured=record.speedup,
        factors=factors,
        cores=cores,
        available=_available(record, cores),
        environment=record.environment,
        other_way=_other_way(record, config, timeline),
    )
    anew = {each.code: each for each in warnings(facts) if each.code in _DERIVED}
    kept = (each if each.code not in _DERIVED else anew.get(each.code) for each in record.warnings)
    return [each for each in kept if each is not None]


def gain_of_sharing(record: RunRecord, timeline: Timeline) -> float | None:
    """How many times as fast the step is if all devices share the softmax, by simulation; ``None`` if unknown."""
    if not _has_outline(record) or not _is_known(record.config.schedule):
        return None
    if record.config.softmax_devices is not None:
        return None
    return _other_way(record, run_config_of(record), timeline)


def more_equal_of(record: RunRecord) -> str | None:
    """What would make the stages' work more equal, in words; ``None`` if too little is known of the model."""
    if not _has_outline(record) or not record.config.partition:
        return None
    if not _is_known(record.config.schedule):
        return None
    return more_equal(run_config_of(record), record.devices, _available(record, _cores(record)), None)


def _other_way(record: RunRecord, config: RunConfig, timeline: Timeline | None) -> float | None:
    """What ``other_way`` says of a record; ``None`` where nothing can be simulated with its figures."""
    if timeline is None or config.dtype not in DTYPE_BYTES:
        return None
    try:
        return other_way(config, timeline, link_of(record.machine))
    except UsageError:
        return None


def _has_outline(record: RunRecord) -> bool:
    """Whether its model can be put on paper again: built in, with all sizes, and the same work for every input."""
    kind = MODELS.get(_model(record))
    if kind is None or kind.segments > 1:
        return False
    sizes = next(iter(kind.presets.values()))
    return all(getattr(record.config, name, None) is not None for name in sizes)


def _model(record: RunRecord) -> str:
    return DEFAULT_MODEL if record.config.model is None else record.config.model.name


def _is_known(schedule: str) -> bool:
    """Whether this version has the schedule; a record may come from a later version."""
    try:
        schedule_named(schedule)
    except UsageError:
        return False
    return True


def run_config_of(record: RunRecord) -> RunConfig:
    """The configuration of a run, from its record; for built-in models."""
    config = record.config
    rows = None if record.plan is None else tuple(map(_row, record.plan))
    given = {name: getattr(config, name) for name in RunConfig.__struct_fields__ if hasattr(config, name)}
    return RunConfig(
        **given
        | {
            "partition": tuple(config.partition) if config.partition is not None else None,
            "device": record.device.kind,
            "model": _model(record),
            "order": rows,
        }
    )


def _row(line: str) -> str:
    """What a device did, as a row of a plan's CSV."""
    return ",".join(line.rpartition(":")[2].split())


def _cores(record: RunRecord) -> Cores:
    allowed, quota = (
        float(value) if isinstance(value := record.environment.get(name), int | float) else None
        for name in ("cpus_allowed", "cpu_quota_cores")
    )
    known = [limit for limit in (allowed, quota) if limit is not None]
    return Cores(min(known, default=None), quota)


def _available(record: RunRecord, cores: Cores) -> int | None:
    """How many devices its machine had, at least; ``None`` where any number can be emulated."""
    if record.device.kind.has_gpu:
        return record.device.count
    return floor(cores.usable) if record.device.kind.takes_core and cores.usable is not None else None
