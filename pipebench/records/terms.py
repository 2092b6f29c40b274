"""In what terms a record's figures are told: what it counts, and how many devices its baseline needs."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.trace import TraceRecord

WORDS, ANY = "words", "items"

# A plain word, so that it may stand among our own in any format.
_PLAIN = r"^[^\W_](?:[^\W_]|[ -]){0,38}\Z"
Unit = Annotated[str, Meta(pattern=_PLAIN)]


class Terms(NamedTuple):
    """What throughput counts, and how many devices the baseline of a speed-up is measured on.

    ``better`` is set only where the metric is a command's own: it has the name that the command gives it.
    """

    unit: str = WORDS
    baseline_devices: int = 1
    better: Literal["higher", "lower"] | None = None

    @property
    def rate(self) -> str:
        """What throughput is called."""
        return f"{self.unit}/s"

    @property
    def alone(self) -> str:
        """What the baseline runs on, such as ``one device``."""
        return "one device" if self.baseline_devices == 1 else f"{self.baseline_devices} devices"

    @property
    def baseline(self) -> str:
        """The baseline, in a sentence."""
        return self.alone if self.baseline_devices == 1 else f"the baseline on {self.alone}"

    @property
    def row(self) -> str:
        """What its row of a table is called."""
        return self.alone if self.baseline_devices == 1 else "baseline"

    @property
    def whose(self) -> str:
        """What the baseline runs on, before a noun: ``one device's``."""
        return "one device's" if self.baseline_devices == 1 else f"{self.baseline_devices} devices'"

    @property
    def relative(self) -> str:
        """What to add to a speed-up that is not relative to one device; else empty."""
        return "" if self.baseline_devices == 1 else f" relative to {self.alone}"


def terms_of(record: Comparable) -> Terms:
    """The terms of a record; a unit that is no plain word becomes ``items``. A trace does not say what it counts."""
    if isinstance(record, CommandRecord):
        return Terms(better=record.metric.better)
    if isinstance(record, TraceRecord):
        return Terms()
    config, baseline = record.config, record.baseline
    unknown = WORDS if config.model is None else ANY
    unit = config.input.unit if config.input is not None else unknown
    return Terms(unit if re.match(_PLAIN, unit) else ANY, baseline.devices if baseline is not None else 1)


def in_common(terms: Sequence[Terms]) -> Terms:
    """The terms in which figures of several runs can be told together."""
    units, devices = {each.unit for each in terms}, {each.baseline_devices for each in terms}
    return Terms(
        units.pop() if len(units) == 1 else ANY, devices.pop() if len(devices) == 1 else 1, terms[0].better
    )
