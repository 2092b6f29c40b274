"""``pipebench simulate``: a schedule on paper."""

from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import completing, given, no_effect, output, picture
from pipebench.errors import UsageError
from pipebench.plan.schedules import SCHEDULES
from pipebench.system import garbage

if TYPE_CHECKING:
    from pipebench.plan.plan import Plan
    from pipebench.records.simulation import SimulationRecord
    from pipebench.simulate.options import SimulationOptions
    from pipebench.simulate.topologies import Between


def simulate(
    context: typer.Context,
    schedule: Annotated[
        str, typer.Option(help=f"One of {', '.join(SCHEDULES)}.", autocompletion=completing.schedules)
    ] = "gpipe",
    stages: Annotated[
        int | None,
        typer.Option(
            "--stages",
            "--gpus",
            "--devices",
            help="How many stages; each is on a device of its own. Default: 8, or as many as --stage-costs lists.",
        ),
    ] = None,
    microbatches: Annotated[
        int | None,
        typer.Option(
            "--microbatches",
            "-M",
            help="How many slices the batch is cut into. Default: depends on the schedule.",
        ),
    ] = None,
    chunks: Annotated[
        int | None,
        typer.Option(
            "--chunks",
            "-C",
            help="How many slices the time axis is cut into. Default: depends on the schedule.",
        ),
    ] = None,
    forward: Annotated[float, typer.Option(metavar="S", help="How long a forward takes, in seconds.")] = 1.0,
    backward: Annotated[
        float | None,
        typer.Option(metavar="S", help="How long a whole backward takes, in seconds. Default: 2 x forward."),
    ] = None,
    backward_input: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="How long the half of a backward for inputs and state takes, in seconds. Default: as a forward.",
        ),
    ] = None,
    backward_weight: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="How long the half for the weights takes, in seconds. Default: as a forward."
        ),
    ] = None,
    stage_costs: Annotated[
        str | None,
        typer.Option(
            "--stage-costs",
            metavar="LIST",
            help="A factor for each stage, such as 1,1,1.5,1: it multiplies the stage's --forward and --backward. F:B "
            "gives one factor for each of the two. Default: all 1.",
        ),
    ] = None,
    chunk_costs: Annotated[
        str | None,
        typer.Option(
            "--chunk-costs",
            metavar="LIST",
            help="The same for each chunk, such as 0.9,1,1.1,1.2 for a Transformer, whose later words attend to more. "
            "It also sets --chunks.",
        ),
    ] = None,
    transfer: Annotated[
        float,
        typer.Option(
            metavar="S", help="Latency of a message, in seconds. It occupies neither of the two devices."
        ),
    ] = 0.0,
    hosts: Annotated[
        int, typer.Option("--hosts", help="How many hosts. Each has the same number of neighbouring devices.")
    ] = 1,
    transfer_between: Annotated[
        float | None,
        typer.Option(
            "--transfer-between",
            metavar="S",
            help="Latency of a message between two hosts, in seconds. Default: as --transfer.",
        ),
    ] = None,
    links: Annotated[
        str | None,
        typer.Option(
            "--links",
            metavar="RECORD",
            autocompletion=completing.records,
            help="A run on several hosts. --stages, --hosts, --transfer and --transfer-between are taken from it.",
        ),
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(
            "--link",
            metavar="TEXT",
            help="Change the link between two devices. '3-4 = 1 GB/s, 50 us' sets bandwidth and latency; a latency "
            "alone occupies neither device. '3-4 x 0.5' multiplies the time of its messages. Without devices it "
            "changes all links. May be repeated; later changes come on top of earlier ones.",
        ),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option(
            "--message",
            metavar="SIZE",
            help="Size of each message, such as 4MiB. It counts for links with a bandwidth.",
        ),
    ] = None,
    softmax_devices: Annotated[
        str | None,
        typer.Option(
            "--softmax-devices",
            metavar="N|all",
            help="Which devices share the softmax. A number N: N more devices at the end; --stages counts them too. "
            "all: each device gets a piece. Default: the last stage has the softmax.",
        ),
    ] = None,
    softmax: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="How long a forward of the whole projection takes, in seconds; its backward takes twice as long. "
            "Default: no time; with --softmax-devices as long as --forward.",
        ),
    ] = None,
    blocking: Annotated[
        bool,
        typer.Option(
            "--blocking", help="A send waits for its receive, and both devices are occupied until then."
        ),
    ] = False,
    csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Print only the plan, as CSV in the format of torch.distributed.pipelining. It has no chunks.",
        ),
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(
            "--svg", metavar="FILE", help="Draw the timeline into an SVG file instead of printing the report."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Simulate a schedule on paper: makespan, bubble, activations alive, and a picture of the timeline.

    Each time is for one action: one microbatch (and one chunk) on one stage. Nothing is measured.

    pipebench simulate --schedule 1f1b --stages 8 --microbatches 32

    pipebench simulate --schedule wavefront --stages 4 --chunks 16 --transfer 0.1

    pipebench simulate --softmax-devices all --softmax 0.5

    pipebench simulate --stage-costs 1,1,1.5,1 --link '1-2 = 50 us'
    """
    for option, there in (("--json", json), ("--svg", svg is not None)):
        if csv and there:
            raise UsageError(f"--csv and {option} exclude each other: leave one out")
    picture.check_svg(svg)
    from pipebench.simulate.options import SimulationOptions, stages_told
    from pipebench.simulate.simulation import plan_of, simulation
    from pipebench.system.supervision import supervised

    if links is not None:
        between = _measured(context, links)
        stages, hosts = between.devices, between.hosts
        transfer, transfer_between = between.inside_s, between.across_s if hosts > 1 else None
    if stages is None:
        stages = stages_told(stage_costs, softmax_devices)
    options = SimulationOptions(
        schedule=schedule,
        stages=stages,
        microbatches=microbatches,
        chunks=chunks,
        forward_s=forward,
        backward_s=backward,
        backward_input_s=backward_input,
        backward_weight_s=backward_weight,
        transfer_s=transfer,
        blocking=blocking,
        softmax_devices=softmax_devices,
        softmax_s=softmax,
        hosts=hosts,
        transfer_between_s=transfer_between,
        stage_costs=stage_costs,
        link=tuple(link or ()),
        message=message,
        chunk_costs=chunk_costs,
    )
    with garbage.put_off():
        with supervised(inf, output.notice) as phase:
            phase("simulating the plan")
            made = plan_of(options) if csv else simulation(options)
        no_effect.tell(context, **_decided(options))
        _print(made, json=json, svg=svg)


def _print(made: "Plan | SimulationRecord", *, json: bool, svg: Path | None) -> None:
    """A plan as CSV; a record as a picture, as JSON, or as a report without either."""
    from pipebench.plan.plan import Plan

    if isinstance(made, Plan):
        _print_csv(made)
        return
    if svg is not None:
        picture.write_svg(svg, made, "simulate")
    if json:
        from pipebench.records import documents

        output.print_json(documents.encode(made))
    if svg is None and not json:
        from pipebench.render.report import simulation_report

        output.print_report(partial(simulation_report, made))


def _decided(options: "SimulationOptions") -> dict[str, object]:
    """The values by which ``no_effect`` finds options that do nothing."""
    return {
        "stages": options.stages,
        "has_rates": any(change.bytes_per_s is not None for change in options.link_changes),
        "multiplies_nothing": all(change.factor is not None for change in options.link_changes)
        and not options.transfer_s
        and not options.transfer_between_s,
        "silent": ", ".join(f"{low} and {high}" for low, high in options.silent_pairs),
    }


def _measured(context: typer.Context, name: str) -> "Between":
    """The links of a run; options that say the same are refused.

    Raises:
        UsageError: An option says the same, there is no such record, or it has no links.
    """
    from pipebench.records.selection import Search, select
    from pipebench.simulate.topologies import between_hosts

    told = [
        f"--{option.replace('_', '-')}"
        for option in ("stages", "hosts", "transfer", "transfer_between")
        if given.is_given(context, option)
    ]
    if told:
        raise UsageError(f"--links tells {told[0]} too: leave one of the two out")
    return between_hosts(select(name, Search()).run)


def _print_csv(plan: "Plan") -> None:
    """The plan alone on stdout; what torch, whose format it is, would misread is said on stderr."""
    output.print_json(plan.csv().encode())
    misread = plan.misread_by_torch()
    if misread:
        output.notice(f"pipebench: --csv: {misread}")
