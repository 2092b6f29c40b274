"""The first lines of a report: what was measured or simulated, on what, and by which clock."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from pipebench.config.softmax_devices import softmax_text
from pipebench.diagnosis.step import cores_shared
from pipebench.plurals import counted
from pipebench.records.config import Config, ModelRecord
from pipebench.records.run import RunRecord
from pipebench.records.simulation import SimulationConfig
from pipebench.records.terms import Terms, terms_of
from pipebench.render.inert import inert
from pipebench.render.layout import Facts, Words
from pipebench.render.units import data_size, percent, rate, rough

_UNITS = {"words": "words", "characters": "characters"}


def head(record: RunRecord) -> Iterator[RenderableType]:
    """What ran, and on what."""
    config, device = record.config, record.device
    clock = clock_text(record).removeprefix("emulated, ")
    yield Words(Text.assemble((f"{devices_text(record)}, {clock}", "bold"), f"   {inert(record.id)}"))
    rows = [
        ("model", _model(config)),
        (
            ("step", _words_step(config))
            if _is_of_text(config)
            else ("input", _items_step(config, terms_of(record)))
        ),
        ("plan", plan_text(config)),
    ]
    if record.machine is not None:
        machine = f"{record.machine.name}: {record.machine.card}, emulated on {device.names[0]}"
        rows.insert(0, ("machine", machine))
    yield Facts(*rows)


def devices_text(record: RunRecord) -> str:
    """What the pipeline ran on."""
    device = record.device
    what = counted(device.count, f"{device.kind} device")
    hosts = len({rank.host for rank in device.ranks})
    return f"{what} on {hosts} hosts" if hosts > 1 else what


def plan_text(config: Config) -> str:
    """How the model and the batch are cut, and what is done in which order."""
    partition = ",".join(map(str, config.partition)) if config.partition else "not measured"
    return (
        f"{config.schedule}, {counted(config.microbatches, 'microbatch', 'microbatches')} x "
        f"{counted(config.chunks, 'chunk')}, "
        f"layers {partition} ({config.partition_rule})"
        + (f", {softmax_text(config.softmax_devices, config.gpus)}" if config.softmax_devices else "")
        + (f", checkpoint {config.checkpoint}" if config.checkpoint != "none" else "")
        + split_text(config.cell, config.most_alive, config.most_waiting)
    )


def split_text(cell: str, most_alive: int | None, most_waiting: int | None) -> str:
    """The cell and the bounds of a plan that splits backwards; empty for whole backwards without a bound."""
    bounds = [
        f", at most {counted(most, 'slice')} {what}"
        for most, what in ((most_alive, "alive"), (most_waiting, "waiting for W"))
        if most is not None
    ]
    return "".join((", split cell" if cell == "split" else "", *bounds))


def simulated_text(config: SimulationConfig) -> str:
    """What was simulated."""
    return (
        f"{config.schedule}, {counted(config.stages, 'device' if config.softmax_devices else 'stage')}, "
        f"{counted(config.microbatches, 'microbatch', 'microbatches')}, "
        f"{counted(config.chunks, 'chunk')}"
        + (f", {softmax_text(config.softmax_devices, config.stages)}" if config.softmax_devices else "")
        + (f", on {config.hosts} hosts" if config.hosts > 1 else "")
        + "; costs as given, nothing measured"
    )


def ended(record: RunRecord) -> Iterator[RenderableType]:
    """How a run ended; nothing for a completed one."""
    if record.failure is not None:
        kept = (
            f"; {len(record.launches)} of {record.config.launches} launches kept" if record.launches else ""
        )
        yield Words(Text(inert(f"{record.status}: {record.failure.message}{kept}"), style="bold red"))


def counts_text(numbers: Sequence[int]) -> str:
    """A number, or the least and the largest one."""
    least, most = min(numbers, default=0), max(numbers, default=0)
    return str(least) if least == most else f"{least} to {most}"


def clock_text(record: RunRecord) -> str:
    """Which clock the figures come from."""
    if record.clock == "virtual":
        return "emulated, virtual time"
    if record.device.kind.has_gpu:
        return "wall clock, CUDA events"
    return "wall clock, cores shared" if cores_shared(record) else "wall clock"


def _model(config: Config) -> str:
    if config.model is None:
        sizes = f"{config.layers} layers of {config.hidden}, vocabulary {config.vocab}"
        return f"stacked LSTM, {sizes}, {config.dtype}"
    return f"{config.model.name}: {_sizes(config, config.model)}, {config.dtype}"


def _sizes(config: Config, model: ModelRecord) -> str:
    """The sizes of a model, those that it has."""
    parameters = rough(sum(layer.parameters for layer in model.layers))
    width = f" of {config.hidden}" if config.hidden is not None else ""
    heads = f", {counted(config.heads, 'head')}" if config.heads is not None else ""
    words = f", vocabulary {config.vocab}" if _is_of_text(config) else ""
    return f"{counted(len(model.layers), 'layer')}{width}{heads}{words}, {parameters} parameters"


def _items_step(config: Config, terms: Terms) -> str:
    """The batch of a step, and how many items it counts as, where that is another number."""
    items = config.input.items if config.input is not None else None
    if items is None or items == config.batch:
        counts = f"batch {config.batch} {terms.unit}"
    else:
        counts = f"batch {config.batch}, {rate(items)} {terms.unit} a step"
    length = f", {config.sequence_length} long" if config.sequence_length is not None else ""
    optimizer = f"optimizer {config.optimizer.name}"
    if config.optimizer.clipping is not None:
        optimizer += f", the gradients' norm clipped at {config.optimizer.clipping:g}"
    return f"{counts}{length}{_pairs(config)}; {optimizer}"


def _pairs(config: Config) -> str:
    """Where sentences are from, and how long the slices are that they are cut into."""
    if config.input is None or config.input.origin is None:
        return ""
    unknown = "" if config.input.unknown_share is None else f", {percent(config.input.unknown_share)} unknown"
    steps = config.input.slice_steps
    slices = (
        "" if steps is None else f"; slices of {counts_text(steps)} {'step' if max(steps) == 1 else 'steps'}"
    )
    mixed = "" if config.bucket is not False else ", of any length in a batch"
    return f", of {inert(config.input.origin)}{unknown}{mixed}{slices}"


def _is_of_text(config: Config) -> bool:
    """Whether its batches are cut from one text, and not from pairs of sentences or by the user's own code."""
    return config.vocab is not None and config.source_vocab is None


def _words_step(config: Config) -> str:
    unit = _UNITS.get(config.tokens, "tokens")
    return (
        f"batch {config.batch} x {config.sequence_length} {unit} of {_input(config)}; {config.optimizer.name}"
    )


def _input(config: Config) -> str:
    if config.input is None:
        return "an input that was not read"
    found = config.input
    source = f"--text {config.text}" if config.text else found.kind
    if found.bytes_read is not None and found.whole is False:
        source = f"the first {data_size(found.bytes_read)} of {source}"
    unknown = "" if found.unknown_share is None else f", {percent(found.unknown_share)} unknown"
    return f"{source}, {rate(found.items)} counted{unknown}"
