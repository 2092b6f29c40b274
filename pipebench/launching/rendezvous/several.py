"""The options of a run that an outer launcher has started once for each rank. Pure."""

import msgspec

from pipebench.config.run_config import RunOptions
from pipebench.errors import UsageError
from pipebench.launching.rendezvous.told import Told
from pipebench.plan.device_kind import DeviceKind


def as_told(options: RunOptions, told: Told, *, gpus: int | None) -> RunOptions:
    """The options of one launch with a device for each rank.

    Args:
        options: the options as given.
        told: what the outer launcher told this process.
        gpus: the number of devices that was asked for, if any.

    Raises:
        UsageError: The options ask for something else.
    """
    if gpus not in (None, told.ranks):
        raise UsageError(
            f"--gpus {gpus}: expected {told.ranks}, a device for each rank that {told.launcher} started; leave --gpus "
            f"out, or start {gpus} ranks"
        )
    if options.device == DeviceKind.EMULATED or options.machine is not None:
        asked = "--device emulated" if options.machine is None else f"--machine {options.machine}"
        raise UsageError(
            f"{asked}: {told.launcher} started {told.ranks} ranks, and one process emulates all devices: start it "
            f"without {told.launcher}, or use --device cpu or cuda"
        )
    given = [
        name
        for name, there in (
            ("--launches", options.launches not in (None, 1)),
            ("--quick", options.quick),
            ("--rigorous", options.rigorous),
        )
        if there
    ]
    if given:
        raise UsageError(
            f"{given[0]}: {told.launcher} started one launch: expected none of --launches, --quick and --rigorous; "
            "start the command several times, and join the records with pipebench merge"
        )
    return msgspec.structs.replace(options, gpus=told.ranks, launches=1)
