"""What two records must have in common to be compared, and what may drift but should be known.

Fields are named by their place in the record. A hard field that differs makes the records incomparable, unless the user
lets it pass by name. Some fields never pass, such as the clock (virtual and wall seconds are two kinds of seconds) and
what a speed-up is relative to.
"""

from collections.abc import Collection, Mapping
from math import isclose

from pipebench.comparison import command_fields, run_fields, trace_fields
from pipebench.errors import UsageError
from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.comparison import Difference
from pipebench.records.run import RunRecord
from pipebench.records.trace import TraceRecord

NEVER_PASS = run_fields.NEVER_PASS | command_fields.NEVER_PASS

# Numbers that are never quite the same: how far apart they may lie, relative and absolute.
_NUMBERS = {"machine.time_dilation": (0.05, 0.0), "environment.load_average_1min": (0.0, 1.0)}
_ALWAYS_TOLD = ("environment.torch", "environment.driver")
_CLOCK_TOLERANCE = (0.02, 0.0)
_NAMED = (*run_fields.HARD, *command_fields.NAMED, *trace_fields.NAMED)
_SHORT = {
    "machine": "machine.name",
    "words_per_step": run_fields.ITEMS,
    run_fields.OLD_ITEMS: run_fields.ITEMS,
}
_VOLATILE = (
    *("load_average_1min", "memory_available_bytes", "pinned_core", "temperature"),
    *("cpu_throttled_s", "cpu_stolen_s"),
)


def mismatches(reference: Comparable, candidate: Comparable, *, by: str | None = None) -> list[Difference]:
    """The hard fields that differ, except those that a study varies (``by``)."""
    return mismatches_of(identity(reference), identity(candidate), by=by)


def identity(record: Comparable) -> Mapping[str, object]:
    """All that ``mismatches_of`` looks at, so that many records can be compared without being kept in memory."""
    if isinstance(record, CommandRecord):
        return {name: value_of(record, name) for name in command_fields.HARD}
    if isinstance(record, TraceRecord):
        return {name: value_of(record, name) for name in trace_fields.HARD}
    return {name: value_of(record, name) for name in (*run_fields.HARD, run_fields.COUNTS)}


def key_of(record: RunRecord) -> dict[str, str | None]:
    """The hard fields as text: the key under which records are kept.

    A field that came later is left out while it has the value of older records, so that keys saved before stay valid.
    """
    words = value_of(record, run_fields.UNIT) in (None, run_fields.BEFORE[run_fields.UNIT])
    found = {name: text_of(value_of(record, name)) for name in run_fields.HARD}
    return {
        run_fields.OLD_ITEMS if name == run_fields.ITEMS and words else name: value
        for name, value in found.items()
        if name not in run_fields.BEFORE or value not in (None, run_fields.BEFORE[name])
    }


def mismatches_of(
    reference: Mapping[str, object], candidate: Mapping[str, object], *, by: str | None = None
) -> list[Difference]:
    """The same as ``mismatches``, for two identities."""
    passing = set(run_fields.VARIED[by] if by else ())
    if reference.get(run_fields.COUNTS) == candidate.get(run_fields.COUNTS):  # whichever rule made them
        passing.add(run_fields.PARTITION)
    baselines = (reference.get(run_fields.BASELINE), candidate.get(run_fields.BASELINE))
    if None in baselines:  # a run that ended before it had one
        passing.add(run_fields.BASELINE)
    passing |= {name for name in command_fields.MACHINE if None in (reference.get(name), candidate.get(name))}
    names = [name for name in {**reference, **candidate} if name not in {run_fields.COUNTS, *passing}]
    values = ((name, reference.get(name), candidate.get(name)) for name in names)
    return [Difference(name, text_of(one), text_of(other)) for name, one, other in values if one != other]


def drift(reference: Comparable, candidate: Comparable) -> list[Difference]:
    """What else differs and may matter. A field that one side lacks is no difference, except torch and the driver."""
    keys = [
        key
        for key in {**candidate.environment, **reference.environment}
        if not any(word in key for word in _VOLATILE)
    ]
    if isinstance(reference, CommandRecord):
        keys = [key for key in keys if f"environment.{key}" not in command_fields.MACHINE]
    clocks = {f"environment.{key}": _CLOCK_TOLERANCE for key in keys if "clock_hz" in key}
    surroundings = [name for key in keys if (name := f"environment.{key}") not in clocks]
    found = _differences([*_drifting(reference), *surroundings], reference, candidate)
    known = [
        each
        for each in found
        if (each.reference is not None and each.candidate is not None) or each.field in _ALWAYS_TOLD
    ]
    if _is_measured_alike(reference, candidate):  # measuring may find another partition each time
        known += _differences([run_fields.COUNTS], reference, candidate)
    return [*known, *_far_apart(_NUMBERS | clocks, reference, candidate)]


def _drifting(record: Comparable) -> tuple[str, ...]:
    """The fields that may drift in a record of this kind, beside its environment."""
    if isinstance(record, CommandRecord):
        return command_fields.DRIFT
    return trace_fields.DRIFT if isinstance(record, TraceRecord) else run_fields.DRIFT


def named_field(name: str) -> str:
    """The hard field that a user means by its whole name or the end of it.

    Raises:
        UsageError: No field has this name, or several have it.
    """
    found = [each for each in _NAMED if each == name or each.endswith(f".{name}")]
    found = [_SHORT[name]] if name in _SHORT else found
    if len(found) > 1:  # a field of runs also stands for that of recorded runs
        found = [each for each in found if each not in trace_fields.NAMED]
    if len(found) != 1:
        raise UsageError(
            f"--allow-mismatch {name!r}: expected one of {', '.join(f for f in _NAMED if f not in NEVER_PASS)}"
        )
    return found[0]


def split_allowed(
    found: Collection[Difference], allowed: Collection[str]
) -> tuple[list[Difference], list[Difference]]:
    """The mismatches that stand, and those that the user lets pass; some always stand."""
    passing = set(allowed) - NEVER_PASS
    passing |= {own for name, own in trace_fields.AS_OF_A_RUN.items() if name in passing}
    return [each for each in found if each.field not in passing], [
        each for each in found if each.field in passing
    ]


def _differences(names: Collection[str], reference: Comparable, candidate: Comparable) -> list[Difference]:
    values = ((name, value_of(reference, name), value_of(candidate, name)) for name in names)
    return [Difference(name, text_of(one), text_of(other)) for name, one, other in values if one != other]


def _far_apart(
    tolerances: Mapping[str, tuple[float, float]], reference: Comparable, candidate: Comparable
) -> list[Difference]:
    found = []
    for name, (relative, absolute) in tolerances.items():
        one, other = _number(value_of(reference, name)), _number(value_of(candidate, name))
        if (
            one is not None
            and other is not None
            and not isclose(one, other, rel_tol=relative, abs_tol=absolute)
        ):
            found.append(Difference(name, text_of(one), text_of(other)))
    return found


def _number(value: object) -> float | None:
    """The value if it is a number, else ``None``; an environment may hold anything."""
    return float(value) if isinstance(value, float | int) and abs(value) < 2**63 else None


def value_of(record: Comparable, name: str) -> object:
    """The value of a field by its place in the record; ``None`` where there is none."""
    if isinstance(record, RunRecord) and name in run_fields.COMPUTED:
        return run_fields.COMPUTED[name](record)
    if isinstance(record, CommandRecord) and name in command_fields.COMPUTED:
        return command_fields.COMPUTED[name](record)
    if isinstance(record, TraceRecord) and name in trace_fields.COMPUTED:
        return trace_fields.COMPUTED[name](record)
    if name.startswith("environment."):
        return record.environment.get(name.removeprefix("environment."))
    value: object = record
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


def _is_measured_alike(reference: Comparable, candidate: Comparable) -> bool:
    """Whether two runs have the same partition, or the same rule that measures it anew."""
    runs = isinstance(reference, RunRecord) and isinstance(candidate, RunRecord)
    return runs and value_of(reference, run_fields.PARTITION) == value_of(candidate, run_fields.PARTITION)


def text_of(value: object) -> str | None:
    """A field's value as it is shown and stored."""
    if value is None:
        return None
    return f"{value:.6g}" if isinstance(value, float) else str(value)
