"""A calibration for people and as JSON."""

import msgspec
from rich.console import Group

from pipebench.comparison.calibration import LAUNCHES, SHOWN, detectable
from pipebench.comparison.metrics import METRICS
from pipebench.comparison.noise_cache import Noise
from pipebench.records.comparison import MetricName
from pipebench.records.terms import Terms
from pipebench.render.inert import inert
from pipebench.render.layout import Table, Words
from pipebench.statistics.power import LEAST_LAUNCHES


def calibration_report(noise: Noise) -> Group:
    """A row for each metric: its spread, and the change that can be found with each number of launches a side."""
    table = Table("", "spread", *(f"{number} launches" for number in LAUNCHES))
    terms = Terms(inert(noise.unit), noise.baseline_devices)
    for name in _known(noise):
        found = (f"{100 * detectable(noise, name, number):.1f} %" for number in LAUNCHES)
        table.add(METRICS[name].heading(terms), f"{100 * noise.log_sd[name]:.2f} %", *found)
    return Group(
        Words(
            f"{noise.launches} equal launches; by the default gates a change is found 95 times in 100 from"
        ),
        table,
        Words(f"{LEAST_LAUNCHES} launches are the fewest that check takes for a verdict"),
    )


def document(noise: Noise) -> bytes:
    """The calibration as a JSON document."""
    found = {
        name: {str(number): detectable(noise, name, number) for number in LAUNCHES} for name in _known(noise)
    }
    whole = {"kind": "calibration", **msgspec.structs.asdict(noise), "detectable": found}
    return msgspec.json.format(msgspec.json.encode(whole)) + b"\n"


def _known(noise: Noise) -> list[MetricName]:
    """The metrics that the calibration has; an older one has fewer."""
    return [name for name in SHOWN if name in noise.log_sd]
