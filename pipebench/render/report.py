"""The report of a run or a simulation: everything a record tells, for a terminal, a pipe or a log.

Foreign words (a file's name, a device's) go in as ``Text`` and inert: they show what they hold and do nothing.
"""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pipebench.diagnosis.retold import retold
from pipebench.diagnosis.step import Step, step_of
from pipebench.diagnosis.vanishing import vanished
from pipebench.errors import CorruptRecordError
from pipebench.records.devices import LinkRecord, MachineRecord
from pipebench.records.figures import Baseline, DeviceUsage, Pipeline, Speedup, Verification
from pipebench.records.graphs import timeline_of_run, timeline_of_simulation
from pipebench.records.run import RunRecord
from pipebench.records.schema import WarningRecord
from pipebench.records.simulation import SimulationRecord
from pipebench.records.terms import Terms, terms_of
from pipebench.render.head import clock_text, ended, head, simulated_text
from pipebench.render.hosts import between_hosts
from pipebench.render.inert import inert
from pipebench.render.layout import Facts, Table, Words
from pipebench.render.picture import picture
from pipebench.render.tables import device_table, needs_ascii, spaced, weights_wait
from pipebench.render.unequal import unequal
from pipebench.render.units import counted, percent, rate, scaled, seconds
from pipebench.render.waterfall import in_short
from pipebench.timing.machines import LOCAL

_MARGIN = 2
_GPUS_OF_THE_TALK = 8
_LONG = 2  # a sequence in which recurrent weights have gradients


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
    return Group(*spaced([Words(head), figures, device_table(record.devices, record.makespan_s), drawn]))


def simulated_speedup(devices: Sequence[DeviceUsage], makespan_s: float) -> str:
    """What the plan gives at the costs it was simulated with: all work, one device against all of them."""
    work_s = sum(device.busy_s for device in devices)
    if not makespan_s:
        return "-, since nothing takes any time at these costs"
    return f"{work_s / makespan_s:.2f}x of {len(devices)} at these costs, if one device pays them too"


def _run_parts(record: RunRecord, console: Console) -> Iterator[RenderableType]:
    yield Group(*head(record))
    yield from ended(record)
    stored = record.timeline
    timeline = timeline_of_run(record)
    step = _step(record)
    baseline, pipeline, speedup = record.baseline, record.pipeline, record.speedup
    if baseline is not None and pipeline is not None and speedup is not None:
        yield _result(record, baseline, pipeline, speedup)
        yield _notes(record, step)
    if timeline is not None and stored is not None:
        yield Group(
            Words(Text(f"the measured step nearest the median, by device ({clock_text(record)})", "bold")),
            device_table(record.devices, stored.makespan_s),
            Words(
                Text(
                    f"busy to idle: share of the step; {_alive(record.devices)}; memory: computed"
                    + ("; peak: measured" if record.device.kind.has_gpu else ""),
                    "dim",
                )
            ),
        )
        yield picture(timeline, width=console.width - _MARGIN, plain=needs_ascii(console))
    told = retold(record, step.factors if step is not None else None, timeline)
    if told:
        yield Group(*(_warning(warning) for warning in told))


def _alive(devices: Sequence[DeviceUsage]) -> str:
    """What the table's counts of slices are."""
    for_weights = "; for W: those that wait for their weights' gradients alone, at most"
    return f"alive: slices kept for backward{for_weights if weights_wait(devices) else ''}"


def _step(record: RunRecord) -> Step | None:
    """What can be run again on paper; nothing of a record whose step cannot."""
    try:
        return step_of(record)
    except CorruptRecordError:
        return None


def _result(record: RunRecord, baseline: Baseline, pipeline: Pipeline, speedup: Speedup) -> Table:
    form = f"{baseline.kind} x{baseline.microbatches}" if baseline.microbatches > 1 else baseline.kind
    if len(baseline.device_flops_per_s) > 1:
        form += f" on GPU {baseline.device}, of median speed"
    terms = terms_of(record)
    table = Table("", "a step", terms.rate, "", words_last=True)
    virtual = record.clock == "virtual"
    table.add(
        "baseline",
        seconds(baseline.step_s),
        rate(baseline.throughput),
        f"1 device, {form}, best of {len(baseline.candidates)}; " + ("CPU time" if virtual else "wall clock")
        if baseline.kind != "naive"
        else f"{counted(baseline.devices, 'device')}, the naive schedule on the fewest that hold the model; "
        + ("virtual time" if virtual else "wall clock"),
    )
    table.add(
        "pipeline",
        seconds(pipeline.step_s),
        rate(pipeline.throughput),
        f"{counted(record.device.count, 'device')}; " + ("virtual time" if virtual else "wall clock"),
    )
    launches = counted(len(record.launches), "launch", "launches")
    interval = (
        f"95 % interval {speedup.low:.2f} to {speedup.high:.2f} over {launches}"
        if speedup.low is not None and speedup.high is not None
        else f"no interval from {launches}"
    )
    interval = f"{terms.relative.strip()}; {interval}" if terms.relative else interval
    table.add(Text("speed-up", "bold"), "", Text(f"{speedup.value:.2f}x", "bold"), interval, titled=False)
    share = "speed-up / devices" if not terms.relative else f"speed-up x {terms.baseline_devices} / devices"
    table.add("efficiency", "", percent(record.efficiency or 0), share, titled=False)
    if record.device.count == _GPUS_OF_THE_TALK and record.config.model is None and not terms.relative:
        table.add("2014 talk", "", "3.5x", "other model, size and device; pipebench reproduce", titled=False)
    return table


def _notes(record: RunRecord, step: Step | None) -> Facts:
    verification, bubble = record.verification, record.bubble
    rows: list[tuple[str, str]] = []
    if verification is not None:
        optimizer = record.config.optimizer
        words = record.config.sequence_length or _LONG
        rows.append(("verified", _verified(verification, words, clipping=optimizer.clipping)))
    rows += between_hosts(record)
    if bubble is not None:
        rows.append(("bubble", f"{percent(bubble.fraction)} of all device time ({bubble.definition})"))
    if step is not None:
        terms = terms_of(record)
        short = in_short(step.waterfall, record.device.count, terms.baseline_devices)
        rows.append(("the rest", f"{short}{terms.relative}; pipebench explain says more"))
    longest = record.pipeline.longest_slice if record.pipeline is not None else None
    if longest is not None:
        rows.append(("slices", f"a stage's longest forward takes {longest:.2f}x its mean one"))
    if record.accuracy is not None:
        rows.append(("accuracy", record.accuracy.text))
    machine = record.machine
    if machine is not None and machine.time_dilation is not None and machine.link is not None:
        rows += _machine(machine, machine.link, terms_of(record))
    return Facts(*rows)


def _verified(verification: Verification, words: int, *, clipping: float | None) -> str:
    """How near the gradients are, whether they were clipped, and how many are too small to tell."""
    equal = (
        f"gradients equal the baseline's to {verification.max_relative_gradient_error:.1e} "
        f"(at most {verification.tolerance:.0e} allowed)"
    )
    if verification.max_relative_parameter_error:  # none at all goes without saying
        equal += f", parameters after one update {verification.max_relative_parameter_error:.1e} off"
    if clipping is not None and verification.gradient_norm is not None:
        norm = verification.gradient_norm
        equal += f"; the norm of all is {norm:.3g}, " + (
            f"clipped to {clipping:g}" if norm > clipping else "too small to be clipped"
        )
    names = vanished(verification, words)
    if not names:
        return equal
    all_ = "" if verification.tensors is None else f" of {verification.tensors}"
    return f"{equal}; {len(names)}{all_} vanish: a wrong one would not show"


def _machine(machine: MachineRecord, link: LinkRecord, terms: Terms) -> Iterator[tuple[str, str]]:
    if machine.name == LOCAL:
        yield (
            "link",
            seconds(link.latency_s)
            + (f" + bytes / {scaled(link.bytes_per_s, 'B/s')}" if link.bytes_per_s else "")
            + f" a message, of which it costs each of its ends {seconds(link.overhead_s)} (measured)",
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
        ("", f"-> {warning.next_step}"),
    )
