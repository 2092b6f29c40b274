"""What a run knows and has measured so far."""

from dataclasses import dataclass, field
from datetime import datetime

from pipebench.config.run_config import RunConfig
from pipebench.launching import messages
from pipebench.models.kind import Given
from pipebench.records import store
from pipebench.records.devices import HostLinkRecord, RankRecord
from pipebench.records.figures import Verification
from pipebench.records.launches import Launch
from pipebench.records.spans import TimelineRecord
from pipebench.telemetry.environment import (
    LostTime,
    Value,
    environment,
    lost_time,
)
from pipebench.timing.measured_link import MeasuredLink


@dataclass
class SoFar:
    """What a run knows and has measured so far."""

    config: RunConfig
    given: Given | None = None
    created: datetime = field(default_factory=store.now)
    environment: dict[str, Value] = field(default_factory=environment)
    lost_before: LostTime = field(default_factory=lost_time)
    verification: Verification | None = None
    link: MeasuredLink | None = None
    raced: messages.Raced | None = None
    device_names: list[str] | None = None
    ranks: list[RankRecord] = field(default_factory=list)
    links: list[HostLinkRecord] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    timelines: list[TimelineRecord] = field(default_factory=list)
