"""``pipebench run``: measure a pipeline against the best single device."""

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import no_effect, output
from pipebench.config import DEFAULT_MACHINE
from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.models.registry import DEFAULT_MODEL, MODELS
from pipebench.names import as_text, is_text
from pipebench.plan.schedules import SCHEDULES
from pipebench.sharing import devices_beside
from pipebench.timing.machines import LOCAL, MACHINE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipebench.cli.again import Again
    from pipebench.config import RunConfig, RunOptions
    from pipebench.ending import RunEndedError
    from pipebench.joined.leader import Leader
    from pipebench.records.keeping import Kept

_PLAN, _SIZES, _EFFORT, _OUTPUT = "Plan", "Model and input", "Effort", "Output"


def _help(name: str, text: str, panel: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*name.split(), help=text, rich_help_panel=panel)
    return option


def run(
    context: typer.Context,
    gpus: Annotated[
        int | None,
        _help(
            "--gpus --devices",
            "Devices. Default: as --partition lists, else 8; fewer if another model has fewer layers.",
            _PLAN,
        ),
    ] = None,
    device: Annotated[
        str,
        _help(
            "--device",
            "emulated (real compute, virtual clocks, one core), cpu (a process each, wall clock), cuda or auto.",
            _PLAN,
        ),
    ] = "auto",
    machine: Annotated[
        str | None,
        _help(
            "--machine",
            f"Machine to emulate: {', '.join(MACHINE_NAMES)} (this one, its link measured). "
            f"Default: {DEFAULT_MACHINE}.",
            _PLAN,
        ),
    ] = None,
    schedule: Annotated[
        str,
        _help(
            "--schedule",
            "; ".join(f"{schedule.name}: {schedule.summary}" for schedule in SCHEDULES.values()) + ".",
            _PLAN,
        ),
    ] = "gpipe",
    microbatches: Annotated[
        int | None, _help("--microbatches -M", "Slices of the batch. Default: 16, wavefront 4.", _PLAN)
    ] = None,
    chunks: Annotated[
        int | None, _help("--chunks -C", "Slices of the time axis. Default: 1, wavefront 8.", _PLAN)
    ] = None,
    partition: Annotated[
        str,
        _help(
            "--partition",
            "Layers by device: even, balanced (measures the layers first) or a list such as 3,2,2,1.",
            _PLAN,
        ),
    ] = "even",
    softmax_devices: Annotated[
        str | None,
        _help(
            "--softmax-devices",
            "Who shares the softmax: so many devices at the end beyond those with layers (--gpus counts them too), or "
            "all: a piece of the vocabulary on each device. Default: the last device has it.",
            _PLAN,
        ),
    ] = None,
    checkpoint: Annotated[
        str,
        _help(
            "--checkpoint",
            "Microbatches that keep only their input and run forward again before their backward: "
            "none, always, except-last.",
            _PLAN,
        ),
    ] = "none",
    model: Annotated[
        str,
        _help(
            "--model",
            f"What is trained: {', '.join(MODELS)}, or layers of your own: FILE.py:NAME or package.module:NAME, "
            "where NAME is a pipebench.Model or a function that returns one.",
            _SIZES,
        ),
    ] = DEFAULT_MODEL,
    preset: Annotated[
        str | None,
        _help(
            "--preset",
            "Sizes of a built-in model, each can be overridden: "
            + "; ".join(
                f"{name} {sizes['layers']} layers of {sizes['hidden']}"
                for kind in MODELS.values()
                for name, sizes in kind.presets.items()
            )
            + ".",
            _SIZES,
        ),
    ] = None,
    layers: Annotated[
        int | None,
        _help("--layers", "LSTM layers; of seq2seq pairs of an encoder's and a decoder's.", _SIZES),
    ] = None,
    hidden: Annotated[int | None, _help("--hidden", "Cells of a layer.", _SIZES)] = None,
    vocab: Annotated[
        int | None,
        _help(
            "--vocab",
            "Word ids, 3 of them for padding, unknown and end; of seq2seq those of the target.",
            _SIZES,
        ),
    ] = None,
    source_vocab: Annotated[
        int | None,
        _help("--source-vocab", "seq2seq: word ids of the source, as --vocab of the target.", _SIZES),
    ] = None,
    batch: Annotated[int | None, _help("--batch", "Sequences of a step.", _SIZES)] = None,
    sequence_length: Annotated[
        int | None,
        _help(
            "--sequence-length --seq-len", "Words of a sequence; of seq2seq of a sentence at most.", _SIZES
        ),
    ] = None,
    dtype: Annotated[str, _help("--dtype", "float32 or float64.", _SIZES)] = "float32",
    text: Annotated[
        str | None,
        _help(
            "--text",
            "UTF-8 file to train on; of a long one the first part. Default: the language reference of this Python.",
            _SIZES,
        ),
    ] = None,
    tokens: Annotated[
        str,
        _help(
            "--tokens",
            "What is a word of the text: words (Unicode's; in scripts without spaces each letter), characters, or "
            "spaces (what stands between them, as in text that was cut before; a line is a sentence).",
            _SIZES,
        ),
    ] = "words",
    synthetic: Annotated[bool, _help("--synthetic", "Random words by Zipf's law instead.", _SIZES)] = False,
    source: Annotated[
        str | None,
        _help("--source", "seq2seq: UTF-8 file of sentences, a line each; goes with --target.", _SIZES),
    ] = None,
    target: Annotated[
        str | None, _help("--target", "seq2seq: their translations, line by line.", _SIZES)
    ] = None,
    pairs: Annotated[
        str | None,
        _help(
            "--pairs",
            "seq2seq: translations from English to this language, such as fr, in the gettext catalogs that this "
            "machine carries. Default: sentences of the language reference of this Python, each with its successor.",
            _SIZES,
        ),
    ] = None,
    no_bucket: Annotated[
        bool,
        _help(
            "--no-bucket",
            "seq2seq: sentences of any length share a batch; else those of like length, the longest ones that fit.",
            _SIZES,
        ),
    ] = False,
    memory: Annotated[
        str | None,
        _help(
            "--memory",
            "What one device has, such as 24GiB. Where the model does not fit on one, the baseline runs on as few as "
            "it fits on.",
            _SIZES,
        ),
    ] = None,
    launches: Annotated[
        int | None, _help("--launches", "Fresh starts, each one replicate. Default: 6.", _EFFORT)
    ] = None,
    quick: Annotated[bool, _help("--quick", "3 launches.", _EFFORT)] = False,
    rigorous: Annotated[bool, _help("--rigorous", "12 launches.", _EFFORT)] = False,
    steps: Annotated[int, _help("--steps", "Timed steps of each kind in a launch.", _EFFORT)] = 2,
    warmup: Annotated[int, _help("--warmup", "Untimed steps of each kind first.", _EFFORT)] = 1,
    seed: Annotated[int, _help("--seed", "Of parameters and synthetic words.", _EFFORT)] = 0,
    deadline: Annotated[
        float | None,
        _help(
            "--deadline",
            "Seconds until the run is given up, from its start. Default: 10 x the estimate, at least 600.",
            _EFFORT,
        ),
    ] = None,
    emulation_order: Annotated[
        str,
        _help(
            "--emulation-order",
            "How one core runs the actions of all devices: device (as long as possible on one) or dependence.",
            _EFFORT,
        ),
    ] = "device",
    remeasure: Annotated[
        bool,
        _help("--remeasure", "With --machine local: measure the link again, not once a machine.", _EFFORT),
    ] = False,
    dry_run: Annotated[
        bool, _help("--dry-run", "Print plan, time budget and memory; measure nothing.", _OUTPUT)
    ] = False,
    folder: Annotated[
        Path | None, _help("--output -o", "Folder for the record. Default: results/runs.", _OUTPUT)
    ] = None,
    json: Annotated[bool, _help("--json", "Print the record, and nothing else, on stdout.", _OUTPUT)] = False,
    quiet: Annotated[bool, _help("--quiet", "No progress and no notices.", _OUTPUT)] = False,
) -> int:
    """Measure a pipeline against the best single device: a stacked LSTM, the translator of 2014, or your own layers.

    First verifies that both compute the same gradients, then times them side by side.

    8 emulated devices, about a minute:

    pipebench run --gpus 8

    Pipelined over time, as in 2014:

    pipebench run --gpus 8 --schedule wavefront

    2 real processes, wall clock:

    pipebench run --gpus 2 --device cpu

    The system of 2014, its softmax on devices of their own:

    pipebench run --model seq2seq --softmax-devices 4 --schedule wavefront

    Layers of your own:

    pipebench run --model FILE.py:NAME --gpus 4
    """
    from pipebench.config import RunOptions

    options = RunOptions(
        gpus=_devices(partition, model, softmax_devices) if gpus is None else gpus,
        device=device,
        machine=machine,
        model=model,
        preset=preset,
        layers=layers,
        hidden=hidden,
        vocab=vocab,
        batch=batch,
        sequence_length=sequence_length,
        dtype=dtype,
        schedule=schedule,
        microbatches=microbatches,
        chunks=chunks,
        partition=partition,
        softmax_devices=softmax_devices,
        checkpoint=checkpoint,
        text=_named(text),
        tokens=tokens,
        synthetic=synthetic,
        source_vocab=source_vocab,
        source=_named(source),
        target=_named(target),
        pairs=pairs,
        bucket=not no_bucket,
        launches=launches,
        quick=quick,
        rigorous=rigorous,
        steps=steps,
        warmup=warmup,
        seed=seed,
        deadline_s=deadline,
        emulation_order=emulation_order,
        memory=memory,
    )
    lead = partial(_lead, context, folder, dry_run=dry_run, remeasure=remeasure, json=json, quiet=quiet)
    return _alone_or_joined(options, lead, asked=gpus, dry_run=dry_run)


def _alone_or_joined(
    options: "RunOptions",
    lead: "Callable[[RunOptions, Leader | None], int]",
    *,
    asked: int | None,
    dry_run: bool,
) -> int:
    """Measure, as one of several processes if a launcher has started this one as such."""
    from pipebench.rendezvous import alone
    from pipebench.rendezvous.several import as_told
    from pipebench.rendezvous.told import told

    if (found := told(sys.argv[1:], os.environ)) is None:
        if not dry_run:
            alone.check_alone("run", sys.argv[1:], os.environ)
        return lead(options, None)
    options = as_told(options, found, gpus=asked)
    if dry_run:
        return lead(options, None) if found.rank == 0 else 0
    from pipebench.joined.running import joined

    return joined(found, partial(lead, options))


def _lead(
    context: typer.Context,
    folder: Path | None,
    options: "RunOptions",
    company: "Leader | None",
    *,
    dry_run: bool,
    remeasure: bool,
    json: bool,
    quiet: bool,
) -> int:
    """All that one process of a run does: it reads the options, and has the record."""
    from pipebench.cli.again import Again
    from pipebench.describing import resolved
    from pipebench.signals import orderly_end

    began = time.monotonic()
    with orderly_end():
        config = resolved(options, lambda doing: None if quiet else output.notice(doing), began=began)
    if remeasure and not config.needs_link:
        raise UsageError(f"--remeasure measures the link of --machine {LOCAL}: leave it out, or add that")
    if not quiet:
        no_effect.tell(context, gpus=config.gpus, microbatches=config.microbatches, kind=config.device)
    if dry_run:
        _dry_run(config, json=json, quiet=quiet)
        return 0
    again = Again(context, options, config)
    return _run(again, folder, company, began=began, remeasure=remeasure, json=json, quiet=quiet)


def _named(file: str | None) -> str | None:
    """A file's name as a record can hold it."""
    return as_text(file) if file and is_text(file) else file


def _devices(partition: str, model: str, softmax_devices: str | None) -> int | None:
    """As many as a partition lists and as share the softmax beside them, else 8.

    Of another model as many as there are layers, 8 at most, and as share the softmax beside them.
    """
    if "," in partition:
        return len(partition.split(",")) + devices_beside(softmax_devices)
    return 8 if model == DEFAULT_MODEL else None


def _dry_run(config: "RunConfig", *, json: bool, quiet: bool) -> None:
    from pipebench.dry_run import dry_run
    from pipebench.signals import orderly_end

    with orderly_end():
        document, timeline = dry_run(config, lambda doing: None if quiet else output.notice(doing))
    if json:
        import msgspec

        output.print_json(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
        return
    from pipebench.render.dry_run import dry_run_report

    output.print_report(partial(dry_run_report, document, timeline))


def _run(
    again: "Again",
    folder: Path | None,
    company: "Leader | None",
    *,
    began: float,
    remeasure: bool,
    json: bool,
    quiet: bool,
) -> int:
    from pipebench import ending, experiment
    from pipebench.records import keeping, store
    from pipebench.render.progress import ProgressView
    from pipebench.signals import orderly_end

    target = folder or store.DEFAULT_FOLDER
    try:
        with orderly_end(), ProgressView(output.stderr(), quiet=quiet) as view:
            done = experiment.run(
                again.config,
                folder=target,
                listener=view,
                remeasure=remeasure,
                began=began,
                company=company,
            )
            kept = keeping.Kept(*done, None)
    except ending.RunEndedError as error:
        return _ended(error, again.config, json=json)
    except ending.NotStoredError as error:
        kept = error.kept
    if json:
        output.print_json(store.encode(kept.record))
    else:
        _report(kept, again)
    if kept.trouble is not None:
        raise EnvironmentRefusedError(kept.trouble)
    if output.is_lost() and kept.path is not None:
        output.notice(f"kept: {output.show_command(kept.path)}")
    return 0


def _ended(error: "RunEndedError", config: "RunConfig", *, json: bool) -> int:
    """What a run that did not complete leaves behind; its exit code."""
    from pipebench.records import store

    kept = error.kept
    if json:
        output.print_json(store.encode(kept.record))
    output.complain(str(error.cause))
    if error.log is not None:
        output.notice(f"log of the culprit: {output.shown(error.log)}")
    if kept.trouble is not None:
        output.complain(kept.trouble)
    if kept.path is not None:
        launches = f"{error.launches} of {config.launches} launches"
        output.notice(f"kept: {launches}, {output.show_command(kept.path)}")
    return error.cause.exit_code


def _report(kept: "Kept", again: "Again") -> None:
    """The report, where its record is, and a command worth trying."""
    from pipebench.render.report import run_report

    if sys.stdout.isatty():
        output.print_text("\n")
    output.print_report(partial(run_report, kept.record))
    rows = [("record", output.shown(kept.path) if kept.path is not None else "not kept")]
    following = again.worth_trying(kept)
    if following is not None:
        rows += [("next", following.command), ("why", following.why)]
    output.print_text("\n")
    output.print_lines(rows)
