"""What took the processor away while a run was measured, as far as the system counts it. Pure."""

from collections.abc import Mapping, Sequence

from pipebench.records.launches import Launch
from pipebench.records.schema import WarningRecord
from pipebench.warning_codes import WarningCode

CONTENTION = 1.05  # a launch's wall clock over its CPU time
_SHARE = 0.5  # of what timed steps waited for their core: less does not explain it

Environment = Mapping[str, str | int | float | bool | None]


def contention(launches: Sequence[Launch], environment: Environment) -> WarningRecord | None:
    """A warning if launches did not have their core to themselves, with what was seen to take it."""
    worst = max((launch.wall_per_cpu or 1.0 for launch in launches), default=1.0)
    if worst <= CONTENTION:
        return None
    what, remedy = _who(environment, least_s=_SHARE * _missed_s(launches))
    return WarningRecord(
        code=WarningCode.CPU_CONTENTION,
        cause=f"a launch took {worst:.2f}x its CPU time by the wall clock: {what}",
        next_step=remedy,
    )


def _missed_s(launches: Sequence[Launch]) -> float:
    """About how long all launches waited for their core in their timed steps, in seconds."""
    return sum(
        max((launch.wall_per_cpu or 1.0) - 1, 0.0)
        * (sum(launch.baseline.step_s) + sum(launch.pipeline.busy_s or launch.pipeline.step_s))
        for launch in launches
    )


def _who(environment: Environment, *, least_s: float) -> tuple[str, str]:
    """What took the core, and what to do: the larger of the two that are counted, if it matters, else what remains.

    Both are counted over the whole run, so they are never less than what timed steps lost by them.
    """
    throttled_s, stolen_s = _number(environment, "cpu_throttled_s"), _number(environment, "cpu_stolen_s")
    if throttled_s and throttled_s >= max(stolen_s or 0.0, least_s):
        quota = _number(environment, "cpu_quota_cores")
        allowed = f" of {quota:g} cores" if quota is not None else ""
        return (
            f"the container's quota{allowed} held it back for {throttled_s:.2g} s",
            "raise the container's processor quota, or run outside it",
        )
    if stolen_s and stolen_s >= least_s:
        return (
            f"the host of this virtual machine took {stolen_s:.2g} s of its cores away",
            "run on a machine that is not shared, or at a quieter time",
        )
    if environment.get("another_run_beside"):
        return "another pipebench run measured beside it", "let one run end before the next begins"
    counted = [name for name, s in (("quota", throttled_s), ("host", stolen_s)) if s is not None]
    if not counted:
        return "this system does not say what took its core", "stop other programs and run again"
    ruled_out = {"quota": "the container's quota", "host": "the host of this virtual machine"}
    names = [ruled_out[each] for each in counted]
    seen = f"neither {names[0]} nor {names[1]} did" if len(names) > 1 else f"{names[0]} did not"
    return f"other programs took its core ({seen})", "stop other programs and run again"


def _number(environment: Environment, name: str) -> float | None:
    value = environment.get(name)
    return float(value) if isinstance(value, int | float) else None
