"""The report of a dry run."""

from rich.console import Console, Group
from rich.text import Text

from pipebench.config.softmax_devices import softmax_text
from pipebench.plurals import counted
from pipebench.render.head import split_text
from pipebench.render.layout import Facts, Words
from pipebench.render.picture import picture
from pipebench.render.report import simulated_speedup
from pipebench.render.tables import device_table, needs_ascii, spaced, table_legend
from pipebench.render.units import data_size, percent, scaled, seconds
from pipebench.run.dry_run import DryRun
from pipebench.timing.timeline import Timeline


def dry_run_report(document: DryRun, timeline: Timeline, console: Console) -> Group:
    """Plan, time budget, memory by device, and the plan's picture."""
    config = document.config
    layers = ",".join(map(str, document.partition))
    head = Group(
        Words(Text("dry run: nothing was measured", "bold")),
        Facts(
            (
                "device",
                f"{counted(config.gpus, f'{document.device} device')}, "
                + (f"virtual time; machine {document.machine}" if document.machine else "wall clock"),
            ),
            (
                "plan",
                f"{config.schedule}, "
                f"{counted(config.microbatches, 'microbatch', 'microbatches')} x "
                f"{counted(config.chunks, 'chunk')}, layers {layers} ({document.partition_label})"
                + (f", {softmax_text(config.softmax_devices, config.gpus)}" if config.softmax_devices else "")
                + (f", checkpoint {config.checkpoint}" if config.checkpoint != "none" else "")
                + split_text(config.cell, config.most_alive, config.most_waiting)
                + ("; order from costs on paper, a run measures them" if config.needs_order else ""),
            ),
            ("input", _source(document)),
            (
                "time",
                f"about {seconds(document.assumed_run_s)} for {counted(config.launches, 'launch', 'launches')}, "
                f"{_rate(document)}; deadline {seconds(document.deadline_s)}",
            ),
            ("memory", f"{data_size(document.host_bytes_computed)} on this host (computed)"),
            *_baseline(document),
            *_options(document),
        ),
    )
    parts = (
        head,
        Group(
            device_table(document.devices, timeline.makespan_s),
            table_legend(document.devices, memory="; memory: computed"),
        ),
        Words(
            f"simulated with costs in proportion to {_costs(document)}, free transfers: speed-up "
            + simulated_speedup(document.devices, timeline.makespan_s)
        ),
        picture(timeline, width=console.width - 2, plain=needs_ascii(console)),
    )
    return Group(*spaced(parts))


def _baseline(document: DryRun) -> list[tuple[str, str]]:
    """The row of the baseline, where no single device can hold the model."""
    alone = document.config.baseline_partition
    if alone is None:
        return []
    layers = ",".join(map(str, alone))
    return [("baseline", f"naive on {len(alone)} devices, layers {layers}: the model does not fit on one")]


def _options(document: DryRun) -> list[tuple[str, str]]:
    """The options with their values, by where the values come from; options without a value are left out."""
    found: dict[str, list[str]] = {}
    for each in document.options:
        if each.value is not None and each.value is not False:
            value = "" if each.value is True else f" {_value(each.value)}"
            found.setdefault(each.came_from, []).append(f"{each.option}{value}")
    return [(place, ", ".join(options)) for place, options in found.items()]


def _value(value: str | float | list[str]) -> str:
    return " ".join(value) if isinstance(value, list) else f"{value}"


def _rate(document: DryRun) -> str:
    rate = document.assumed_flops_per_s
    if rate is None:
        return "by what a slice of each layer took just now"
    return f"if a device does {scaled(rate, 'FLOP/s')} (assumed)"


def _costs(document: DryRun) -> str:
    return (
        "computed operations"
        if document.assumed_flops_per_s is not None
        else "what a slice of each layer took"
    )


def _source(document: DryRun) -> str:
    """Where the batches are from."""
    config = document.config
    if config.described is not None:
        return f"batches of {config.batch} that {config.described.name} makes"
    name = document.origin or ("synthetic" if config.synthetic else "pydoc_data.topics")
    if config.text is not None:
        name = f"--text {config.text}"
    unknown = document.unknown_share
    return name if unknown is None else f"{name}, {percent(unknown)} unknown"
