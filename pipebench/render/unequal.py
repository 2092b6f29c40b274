"""What differs between the devices of a simulation, in its report's head: the cost of stages and chunks, and links."""

from collections.abc import Iterator

from pipebench.plurals import counted
from pipebench.records.simulation import LinkChangeRecord, SimulationConfig
from pipebench.render.units import data_size, scaled, seconds
from pipebench.timing.costs import StageFactor
from pipebench.timing.stage_factors import factor_text

_MOST_SHOWN = 16


def unequal(config: SimulationConfig) -> Iterator[tuple[str, str]]:
    """A row for the stages, one for the chunks and one for the links, where any differ."""
    for what, costs in (("stage", config.stage_costs), ("chunk", config.chunk_costs)):
        if costs:
            factors = [factor_text(StageFactor(each.forward, each.backward)) for each in costs]
            both = " (forward:backward)" if any(":" in factor for factor in factors) else ""
            yield f"{what}s", f"take {_listed(factors, what)} times as long as given{both}"
    if config.link:
        size = f"; a message has {data_size(config.message_bytes)}" if config.message_bytes else ""
        yield "links", f"{_listed([_text(change) for change in config.link], 'change', '; ')}{size}"


def _listed(texts: list[str], what: str, between: str = ", ") -> str:
    """The first of many, and how many there are."""
    if len(texts) <= _MOST_SHOWN:
        return between.join(texts)
    return f"{between.join(texts[:_MOST_SHOWN])}{between}... ({counted(len(texts), what)})"


def _text(change: LinkChangeRecord) -> str:
    """Such as ``3-4 = 1.00 GB/s, 50.0 us``."""
    where = "all" if change.pair is None else f"{change.pair[0]}-{change.pair[1]}"
    if change.factor is not None:
        return f"{where} x {change.factor:g}"
    rate = [] if change.bytes_per_s is None else [scaled(change.bytes_per_s, "B/s")]
    latency = [] if change.latency_s is None else [seconds(change.latency_s)]
    return f"{where} = {', '.join([*rate, *latency])}"
