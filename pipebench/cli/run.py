"""``pipebench run``: measure a pipeline against the best single device."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pipebench.cli import completing
from pipebench.config.run_config import AUTO, DEFAULT_MACHINE, DEVICES, EMULATION_ORDERS, RunOptions
from pipebench.config.softmax_devices import devices_beside
from pipebench.models.registry import DEFAULT_MODEL, MODELS
from pipebench.plan.schedules import SCHEDULES
from pipebench.system.names import as_text, is_text
from pipebench.timing.machines import MACHINE_NAMES

_PLAN, _SIZES, _EFFORT, _OUTPUT = "Plan", "Model and input", "Effort", "Output"


def _help(
    name: str, text: str, panel: str, complete: completing.Completion = None
) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        *name.split(), help=text, rich_help_panel=panel, autocompletion=complete
    )
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
            completing.among(*DEVICES),
        ),
    ] = AUTO,
    machine: Annotated[
        str | None,
        _help(
            "--machine",
            f"Machine to emulate: {', '.join(MACHINE_NAMES)} (this one, its link measured). "
            f"Default: {DEFAULT_MACHINE}.",
            _PLAN,
            completing.among(*MACHINE_NAMES),
        ),
    ] = None,
    schedule: Annotated[
        str,
        _help(
            "--schedule",
            "; ".join(f"{schedule.name}: {schedule.summary}" for schedule in SCHEDULES.values()) + ".",
            _PLAN,
            completing.schedules,
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
            "Layers by device: even, balanced (measures layers, and GPUs, first) or a list such as 3,2,2,1.",
            _PLAN,
            completing.among("even", "balanced"),
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
            completing.among("none", "always", "except-last"),
        ),
    ] = "none",
    cell: Annotated[
        str | None,
        _help(
            "--cell",
            "How backwards are computed: fused (whole) or split (gradients of inputs first, those of weights apart). "
            "Default: fused, split where the schedule needs it.",
            _PLAN,
            completing.among("fused", "split"),
        ),
    ] = None,
    most_alive: Annotated[
        int | None,
        _help(
            "--most-alive",
            "wavefront-zb: slices (microbatch, chunk) that a stage with layers keeps at most.",
            _PLAN,
        ),
    ] = None,
    most_waiting: Annotated[
        int | None,
        _help(
            "--most-waiting",
            "wavefront-zb: slices whose gradients of weights a stage puts off at most.",
            _PLAN,
        ),
    ] = None,
    model: Annotated[
        str,
        _help(
            "--model",
            f"What is trained: {', '.join(MODELS)}, or layers of your own: FILE.py:NAME or package.module:NAME, "
            "where NAME is a pipebench.Model or a function that returns one.",
            _SIZES,
            completing.among(*MODELS),
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
            completing.presets,
        ),
    ] = None,
    layers: Annotated[
        int | None,
        _help(
            "--layers",
            "LSTM layers, or a transformer's blocks; of seq2seq pairs of an encoder's and a decoder's.",
            _SIZES,
        ),
    ] = None,
    hidden: Annotated[
        int | None, _help("--hidden", "Cells of a layer; of transformer its width.", _SIZES)
    ] = None,
    heads: Annotated[
        int | None,
        _help("--heads", "transformer: heads of attention, which share the width evenly.", _SIZES),
    ] = None,
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
    dtype: Annotated[
        str, _help("--dtype", "float32 or float64.", _SIZES, completing.among("float32", "float64"))
    ] = "float32",
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
            completing.among("words", "characters", "spaces"),
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
            completing.among(*EMULATION_ORDERS),
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
    """Measure a pipeline against the best single device: an LSTM, a Transformer, the translator of 2014, or your own.

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
    options = _options(locals())
    from pipebench.cli.running import How, alone_or_joined

    how = How(context, folder, dry_run=dry_run, remeasure=remeasure, json=json, quiet=quiet)
    return alone_or_joined(options, how, asked=gpus)


def _options(given: Mapping[str, Any]) -> RunOptions:
    """The options of the run, each of which has its parameter's name but for the few that are read here."""
    read = {
        "gpus": _devices(given) if given["gpus"] is None else given["gpus"],
        **{name: _named(given[name]) for name in ("text", "source", "target")},
        "bucket": not given["no_bucket"],
        "deadline_s": given["deadline"],
    }
    values = {**given, **read}
    return RunOptions(**{name: values[name] for name in RunOptions.__struct_fields__})


def _named(file: str | None) -> str | None:
    """A file's name as a record can hold it."""
    return as_text(file) if file and is_text(file) else file


def _devices(given: Mapping[str, Any]) -> int | None:
    """As many as a partition lists and as share the softmax beside them, else 8.

    Of another model as many as there are layers, 8 at most, and as share the softmax beside them.
    """
    if "," in given["partition"]:
        return len(given["partition"].split(",")) + devices_beside(given["softmax_devices"])
    return 8 if given["model"] == DEFAULT_MODEL else None
