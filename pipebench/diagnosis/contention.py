"""What took the processor away while a run was measured, as far as the system counts it. Pure."""

from collections.abc import Mapping, Sequence

from pipebench.records.schema import Launch, WarningRecord

CONTENTION = 1.05  # a launch's wall clock over its CPU time
_SHARE = 0.01  # of all timed steps: less explains nothing

Environment = Mapping[str, str | int | float | bool | None]


def contention(launches: Sequence[Launch], environment: Environment) -> WarningRecord | None:
    """A warning if launches did not have their core to themselves, with what was seen to take it."""
    worst = max((launch.wall_per_cpu or 1.0 for launch in launches), default=1.0)
    if worst <= CONTENTION:
        return None
    timed_s = sum(sum(launch.baseline.step_s) + sum(launch.pipeline.step_s) for launch in launches)
    what, remedy = _who(environment, least_s=_SHARE * timed_s)
    return WarningRecord(
        code="cpu-contention",
        cause=f"a launch took {worst:.2f}x its CPU time by the wall clock: {what}",
        next_step=remedy,
    )


def _who(environment: Environment, *, least_s: float) -> tuple[str, str]:
    """The larger of what the system counted, and what to do about it; what it did not count is left over."""
    throttled_s, stolen_s = _number(environment, "cpu_throttled_s"), _number(environment, "cpu_stolen_s")
    if throttled_s is not None and throttled_s >= max(stolen_s or 0.0, least_s):
        quota = _number(environment, "cpu_quota_cores")
        allowed = f" of {quota:g} cores" if quota is not None else ""
        return (
            f"the container's quota{allowed} held it back for {throttled_s:.1f} s",
            "raise the container's processor quota, or run outside it",
        )
    if stolen_s is not None and stolen_s >= least_s:
        return (
            f"the host of this virtual machine took {stolen_s:.1f} s of its cores away",
            "run on a machine that is not shared, or at a quieter time",
        )
    counted = [name for name, s in (("quota", throttled_s), ("host", stolen_s)) if s is not None]
    if not counted:
        return "what else took its core, this system does not count", "stop other programs and run again"
    seen = "neither quota nor host" if len(counted) > 1 else f"not the {counted[0]}"
    return f"{seen} took its core, which leaves other programs", "stop other programs and run again"


def _number(environment: Environment, name: str) -> float | None:
    value = environment.get(name)
    return float(value) if isinstance(value, int | float) else None
