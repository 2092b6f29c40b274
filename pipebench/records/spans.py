"""A step as it is stored, span by span; ``timelines`` makes a timeline of it."""

from pipebench.records.schema import Clock, Count, Name, NotNegative, Stored


class SpanRecord(Stored, frozen=True, gc=False):
    """A compute action."""

    device: Count
    action: Name
    start_s: NotNegative
    end_s: NotNegative


class TransferRecord(Stored, frozen=True, gc=False):
    """A message; ``action`` is what produced it, ``ready_s`` when it could have left.

    ``consumer`` is the action that needs it; older records, in which a result goes to one action only, have none.
    """

    action: Name
    sender: Count
    receiver: Count
    ready_s: NotNegative
    start_s: NotNegative
    end_s: NotNegative
    bytes: Count | None = None
    consumer: Name | None = None


class OtherRecord(Stored, frozen=True, gc=False):
    """Work that is no action of the plan."""

    device: Count
    name: Name
    start_s: NotNegative
    end_s: NotNegative


class TimelineRecord(Stored, frozen=True):
    """One step: measured (the one nearest the median), or simulated."""

    clock: Clock
    makespan_s: NotNegative
    spans: list[SpanRecord]
    transfers: list[TransferRecord]
    other: list[OtherRecord]
