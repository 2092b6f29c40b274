"""A calibration for people and as JSON."""

import msgspec

from pipebench.comparison.calibration import LAUNCHES, SHOWN, detectable
from pipebench.comparison.metrics import METRICS
from pipebench.records.comparison import MetricName
from pipebench.statistics.power import LEAST_LAUNCHES
from pipebench.telemetry.noise_cache import Noise


def calibration_lines(noise: Noise) -> str:
    """A line for each metric: its spread, and what can be found with so many launches a side."""
    headers = "".join(f"{number:>4} launches" for number in LAUNCHES)
    lines = [
        f"{noise.launches} equal launches; by the default gates a change is found 95 times in 100 from",
        f"{'':12}spread{headers}",
    ]
    for name in _known(noise):
        found = "".join(f"{100 * detectable(noise, name, number):>11.1f} %" for number in LAUNCHES)
        lines.append(f"{METRICS[name].heading:<10}{100 * noise.log_sd[name]:>6.2f} %{found}")
    lines.append(f"{LEAST_LAUNCHES} launches are the fewest that check takes for a verdict")
    return "\n".join(lines) + "\n"


def document(noise: Noise) -> bytes:
    """The same as a JSON document."""
    found = {
        name: {str(number): detectable(noise, name, number) for number in LAUNCHES} for name in _known(noise)
    }
    whole = {"kind": "calibration", **msgspec.structs.asdict(noise), "detectable": found}
    return msgspec.json.format(msgspec.json.encode(whole)) + b"\n"


def _known(noise: Noise) -> list[MetricName]:
    """What it tells of; one of before knows less."""
    return [name for name in SHOWN if name in noise.log_sd]
