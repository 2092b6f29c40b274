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
            help="Stages, one a device. Default: 8, or as many as --stage-costs lists.",
        ),
    ] = None,
    microbatches: Annotated[
        int | None, typer.Option("--microbatches", "-M", help="Slices of the batch. Default: the schedule's.")
    ] = None,
    chunks: Annotated[
        int | None, typer.Option("--chunks", "-C", help="Slices of the time axis. Default: the schedule's.")
    ] = None,
    forward: Annotated[float, typer.Option(metavar="S", help="Seconds of a forward.")] = 1.0,
    backward: Annotated[
        float | None, typer.Option(metavar="S", help="Seconds of a full backward. Default: 2 x forward.")
    ] = None,
    backward_input: Annotated[
        float | None,
        typer.Option(metavar="S", help="Seconds of the half for inputs and state. Default: forward."),
    ] = None,
    backward_weight: Annotated[
        float | None, typer.Option(metavar="S", help="Seconds of the half for weights. Default: forward.")
    ] = None,
    stage_costs: Annotated[
        str | None,
        typer.Option(
            "--stage-costs",
            metavar="LIST",
            help="How many times --forward and --backward each stage takes, such as 1,1,1.5,1; an entry F:B has a "
            "factor of each. Default: all 1.",
        ),
    ] = None,
    chunk_costs: Annotated[
        str | None,
        typer.Option(
            "--chunk-costs",
            metavar="LIST",
            help="Likewise each chunk, such as 0.9,1,1.1,1.2 of a Transformer, whose later words attend to more. Tells "
            "--chunks too.",
        ),
    ] = None,
    transfer: Annotated[
        float, typer.Option(metavar="S", help="Latency of a transfer; it occupies neither end.")
    ] = 0.0,
    hosts: Annotated[
        int, typer.Option("--hosts", help="Hosts, each with as many devices, next to each other.")
    ] = 1,
    transfer_between: Annotated[
        float | None,
        typer.Option(
            "--transfer-between",
            metavar="S",
            help="Latency of a transfer between two hosts. Default: as --transfer.",
        ),
    ] = None,
    links: Annotated[
        str | None,
        typer.Option(
            "--links",
            metavar="RECORD",
            autocompletion=completing.records,
            help="A run on several hosts: takes --stages, --hosts and both --transfer from what was measured there.",
        ),
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(
            "--link",
            metavar="TEXT",
            help="Another link between two devices, such as '3-4 = 1 GB/s, 50 us' (a latency alone occupies neither "
            "end), or a factor of the time of its messages, such as '3-4 x 0.5'; without devices of all links. "
            "Repeatable, one on top of the other.",
        ),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option(
            "--message",
            metavar="SIZE",
            help="Size of every message, such as 4MiB: for links with a bandwidth.",
        ),
    ] = None,
    softmax_devices: Annotated[
        str | None,
        typer.Option(
            "--softmax-devices",
            metavar="N|all",
            help="Who shares the softmax: so many devices at the end beyond the chain's (--stages counts them too), or "
            "all: a piece on each. Default: the last stage has it.",
        ),
    ] = None,
    softmax: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Seconds of a forward of the whole projection; its backward takes twice as long. Default: none, with "
            "--softmax-devices as long as --forward.",
        ),
    ] = None,
    blocking: Annotated[
        bool, typer.Option("--blocking", help="Sends and receives meet and hold both devices.")
    ] = False,
    csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Print the plan as CSV instead, in torch.distributed.pipelining's format; that has no chunks.",
        ),
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(
            "--svg", metavar="FILE", help="Draw the timeline into an SVG file, instead of the report."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Run a schedule on paper: makespan, bubble, activations alive, and the timeline picture.

    Costs are seconds of one action of one stage on one microbatch (and chunk); nothing is measured.

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
        from pipebench.records import store

        output.print_json(store.encode(made))
    if svg is None and not json:
        from pipebench.render.report import simulation_report

        output.print_report(partial(simulation_report, made))


def _decided(options: "SimulationOptions") -> dict[str, object]:
    """What tells which options do nothing."""
    return {
        "stages": options.stages,
        "has_rates": any(change.bytes_per_s is not None for change in options.link_changes),
        "multiplies_nothing": all(change.factor is not None for change in options.link_changes)
        and not options.transfer_s
        and not options.transfer_between_s,
        "silent": ", ".join(f"{low} and {high}" for low, high in options.silent_pairs),
    }


def _measured(context: typer.Context, name: str) -> "Between":
    """The links of a run, which no option may contradict.

    Raises:
        UsageError: One does, there is no such record, or it has no links.
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
