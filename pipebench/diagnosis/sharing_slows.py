"""Whether a step would be faster if devices did not share the softmax. Pure."""

from pipebench.config.run_config import RunConfig
from pipebench.records.schema import WarningRecord
from pipebench.warning_codes import WarningCode

_GAIN = 1.05  # how many times as fast the step must be unshared for a warning
# Schedules that wait for the loss of a shared softmax, each with the one that does not.
_BETTER_SHARED = {"1f1b": "1f1b-deep", "zb-h1": "wavefront-zb"}


def sharing_slows(config: RunConfig, other_way: float | None) -> WarningRecord | None:
    """A warning of a shared softmax that slows the step down.

    Args:
        config: what ran.
        other_way: how many times as fast the step would be with an unshared softmax; ``None`` if that is not known.
    """
    if config.softmax_devices is None or other_way is None or other_way < _GAIN:
        return None
    better = _BETTER_SHARED.get(config.schedule)
    other = "" if better is None else f", or use --schedule {better}"
    return WarningRecord(
        code=WarningCode.SHARING_SLOWS,
        cause=f"by simulation {other_way:.2f}x as fast unshared (with the whole softmax on the last device)",
        next_step=f"leave out --softmax-devices{other}",
    )
