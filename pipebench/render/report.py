"""The whole report of a run or a simulation: everything a record tells, for a terminal, a pipe or a log.

A run's brief report, which ``run`` and ``show`` print, stands in ``render.brief``.

Foreign words (the name of a file or a device) go in as ``Text``, and are made inert.
"""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pipebench.diagnosis.retold import retold
from pipebench.diagnosis.step import Step
from pipebench.records.devices import LinkRecord, MachineRecord
from pipebench.records.figures import DeviceUsage
from pipebench.records.graphs import timeline_of_run, timeline_of_simulation
from pipebench.records.run import RunRecord
from pipebench.records.schema import WarningRecord
from pipebench.records.simulation import SimulationRecord
from pipebench.records.terms import Terms, terms_of
from pipebench.render.commands import rows
from pipebench.render.head import clock_text, ended, head, simulated_text
from pipebench.render.hosts import between_hosts
from pipebench.render.inert import inert
from pipebench.render.layout import Facts, Words
from pipebench.render.picture import picture
from pipebench.render.result import raced, result_table, step_on_paper
from pipebench.render.tables import device_table, needs_ascii, spaced, table_legend
from pipebench.render.unequal import unequal
from pipebench.render.units import percent, scaled, seconds
from pipebench.render.verified import verified_text, words_of
from pipebench.render.waterfall import in_short
from pipebench.timing.machines import LOCAL

_MARGIN = 2


def run_report(record: RunRecord, console: Console) -> Group:
    """The whole record, as wide as the console."""
    return Group(*spaced(_run_parts(record, console)))


def simulation_report(record: SimulationRecord, console: Console) -> Group:
    """A simulated timeline; the word simulated stands in its first line."""
    head = Text.assemble(("simulated", "bold"), f": {simulated_text(record.config)}")
    figures = Facts(
        *unequal(record.config),
        ("makespan", seconds(record.makespan_s)),
        ("speed-up", simulated_speedup(record.devices, record.makespan_s)),
        ("bubble", f"{percent(record.bubble.fraction)} of all device time ({record.bubble.definition})"),
    )
    drawn = picture(timeline_of_simulation(record), width=console.width - _MARGIN, plain=needs_ascii(console))
    table = Group(device_table(record.devices, record.makespan_s), table_legend(record.devices))
    return Group(*spaced([Words(head), figures, table, drawn]))


def simulated_speedup(devices: Sequence[DeviceUsage], makespan_s: float) -> str:
    """The plan's speed-up at the costs it was simulated with: the work of all devices over the makespan."""
    work_s = sum(device.busy_s for device in devices)
    if not makespan_s:
        return "-, since nothing takes any time at these costs"
    return (
        f"{work_s / makespan_s:.2f}x of {len(devices)} at these costs, over one device that does all the work"
    )


def _run_parts(record: RunRecord, console: Console) -> Iterator[RenderableType]:
    yield Group(*head(record))
    yield from ended(record)
    stored = record.timeline
    timeline = timeline_of_run(record)
    step = step_on_paper(record)
    if record.speedup is not None:
        yield result_table(record)
        yield _notes(record, step)
    if timeline is not None and stored is not None:
        yield Group(
            Words(Text(f"the measured step nearest the median, by device ({clock_text(record)})", "bold")),
            device_table(record.devices, stored.makespan_s),
            table_legend(
                record.devices,
                memory="; memory: computed" + ("; peak: measured" if record.device.kind.has_gpu else ""),
            ),
        )
        yield picture(timeline, width=console.width - _MARGIN, plain=needs_ascii(console))
    told = retold(record, step.factors if step is not None else None, timeline)
    if told:
        yield Group(*(_warning(warning) for warning in told))


def _notes(record: RunRecord, step: Step | None) -> Facts:
    verification, bubble = record.verification, record.bubble
    told: list[tuple[str, str | Text]] = []
    if verification is not None:
        optimizer = record.config.optimizer
        words = words_of(record)
        told.append(("verified", verified_text(verification, words, clipping=optimizer.clipping)))
    race = raced(record)
    if race is not None:
        told.append(("race", f"fastest step of each form of the baseline: {race}"))
    told += between_hosts(record)
    if bubble is not None:
        told.append(
            (
                "bubble",
                f"{percent(bubble.fraction)} of all device time, recorded step only ({bubble.definition})",
            )
        )
    if step is not None:
        terms = terms_of(record)
        short = in_short(step.waterfall, record.device.count, terms.baseline_devices)
        told.append(("the rest", f"{short}{terms.relative}"))
    longest = record.pipeline.longest_slice if record.pipeline is not None else None
    if longest is not None:
        told.append(("slices", f"a stage's longest forward takes {longest:.2f}x its mean one"))
    if record.accuracy is not None:
        told += rows("accuracy", record.accuracy.text)
    machine = record.machine
    if machine is not None and machine.time_dilation is not None and machine.link is not None:
        told += _machine(machine, machine.link, terms_of(record))
    return Facts(*told)


def _machine(machine: MachineRecord, link: LinkRecord, terms: Terms) -> Iterator[tuple[str, str]]:
    if machine.name == LOCAL:
        yield (
            "link",
            seconds(link.latency_s)
            + (f" + bytes / {scaled(link.bytes_per_s, 'B/s')}" if link.bytes_per_s else "")
            + f" a message; {seconds(link.overhead_s)} of it is work at each end (measured)",
        )
    else:
        yield (
            "dilation",
            f"{machine.time_dilation:.2f} = card {scaled(machine.card_flops_per_s, 'FLOP/s')} / "
            f"this host {scaled(machine.host_flops_per_s, 'FLOP/s')} (measured); link "
            f"{scaled(link.bytes_per_s, 'B/s')}, {seconds(link.latency_s)} -> "
            f"{scaled(link.host_bytes_per_s, 'B/s')}, {seconds(link.host_latency_s)} at this host's scale",
        )
    yield "sources", machine.source
    if machine.name != LOCAL:
        yield (
            "scale",
            f"all times and {terms.rate} are this host's, not the card's; so is what a small microbatch costs",
        )


def _warning(warning: WarningRecord) -> Facts:
    return Facts(
        ("warning", Text.assemble((inert(warning.code), "bold yellow"), f": {inert(warning.cause)}")),
        *rows("", f"-> {warning.next_step}"),
    )
