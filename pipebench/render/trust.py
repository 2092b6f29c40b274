"""How far the result of a run can be trusted, in one line: the longest form first, for consoles of different widths."""

from collections.abc import Iterator

from pipebench.diagnosis.step import cores_shared
from pipebench.plurals import counted
from pipebench.records.run import RunRecord
from pipebench.run import accuracy
from pipebench.warning_codes import WarningCode

_FAULTS = {WarningCode.CLOCK_WRONG_ON_PURPOSE, WarningCode.SLOWED_ON_PURPOSE, WarningCode.WRONG_ON_PURPOSE}


def trust(record: RunRecord) -> tuple[str, ...]:
    """For an emulated run, how near such numbers came to real ones; for a measured one, what it was measured with."""
    if any(warning.code in _FAULTS for warning in record.warnings):
        return ("not at all: a fault was put in on purpose",)
    return tuple(_emulated(record) if record.clock == "virtual" else _measured(record))


def _emulated(record: RunRecord) -> Iterator[str]:
    if record.accuracy is None:
        yield "emulated: the record says nothing of how near that is to real devices"
        yield "emulated: how near that is to real devices is not recorded"
        return
    found = accuracy.figures_of(record.accuracy)
    if found is None:
        known = record.accuracy.text.partition("; to find out")[0]
        yield f"how near this is to real devices: {known}"
        yield f"how near this is to real devices: {known.partition(' (')[0]}"
        return
    within = f"{found.speedup_ratio_low:.2f} to {found.speedup_ratio_high:.2f} times"
    if found.of_this_model:
        yield (
            f"on such a machine emulated speed-ups were {within} real ones on {found.ranks} ranks; more were not tried"
        )
        yield f"emulated speed-ups were {within} real ones on {found.ranks} ranks; more were not tried"
        yield f"{within} the real speed-up on {found.ranks} ranks; more were not tried"
    else:
        yield (
            f"this model was not tried; emulated speed-ups of a stacked LSTM were {within} real ones on "
            f"{found.ranks} ranks"
        )
        yield f"this model was not tried; a stacked LSTM: {within} the real speed-up on {found.ranks} ranks"
        yield f"this model was not tried; a stacked LSTM: {within} real"


def _measured(record: RunRecord) -> Iterator[str]:
    how = "by CUDA events" if record.device.kind.has_gpu else "by the wall clock"
    shared = ", on cores that devices shared" if cores_shared(record) else ""
    yield f"measured {how}{shared}; nothing is emulated; {_starts(record)}"
    yield f"measured {how}{shared}; nothing is emulated"


def _starts(record: RunRecord) -> str:
    """How many times it was tried from the start."""
    number = len(record.launches)
    if number == 1:
        return "one launch says nothing of the spread"
    return f"{counted(number, 'launch', 'launches')}, each a fresh start"
