"""``pipebench run``: measure a pipeline against the best single device."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pipebench.cli import completing
from pipebench.cli.panels import option
from pipebench.config.run_config import AUTO, DEFAULT_MACHINE, DEVICES, EMULATION_ORDERS, RunOptions
from pipebench.config.softmax_devices import devices_beside
from pipebench.models.registry import DEFAULT_MODEL, MODELS
from pipebench.plan.schedules import SCHEDULES
from pipebench.system.names import as_text, is_text
from pipebench.timing.machines import MACHINE_NAMES

_PLAN, _SIZES, _EFFORT, _OUTPUT = "Plan", "Model and input", "Effort", "Output"


def run(
    context: typer.Context,
    gpus: Annotated[
        int | None,
        option(
            "--gpus --devices",
            "How many devices. Default: as many as --partition lists, else 8. A model other than "
            "stacked-lstm gets fewer if it has fewer layers.",
            _PLAN,
        ),
    ] = None,
    device: Annotated[
        str,
        option(
            "--device",
            "emulated: real compute on one core, virtual clocks. cpu: one process for each device, wall clock. "
            "cuda: one GPU for each device. auto: cuda if enough GPUs are visible, else emulated.",
            _PLAN,
            complete=completing.among(*DEVICES),
        ),
    ] = AUTO,
    machine: Annotated[
        str | None,
        option(
            "--machine",
            f"The machine to emulate: {', '.join(MACHINE_NAMES)} (this machine; its link is measured). "
            f"Default: {DEFAULT_MACHINE}.",
            _PLAN,
            complete=completing.among(*MACHINE_NAMES),
        ),
    ] = None,
    schedule: Annotated[
        str,
        option(
            "--schedule",
            "; ".join(f"{schedule.name}: {schedule.summary}" for schedule in SCHEDULES.values()) + ".",
            _PLAN,
            complete=completing.schedules,
        ),
    ] = "gpipe",
    microbatches: Annotated[
        int | None,
        option(
            "--microbatches -M",
            "How many slices the batch is cut into. Default: 16; wavefront 4; wavefront-zb 2, or 16 if your own model "
            "has no time axis; naive 1.",
            _PLAN,
        ),
    ] = None,
    chunks: Annotated[
        int | None,
        option(
            "--chunks -C",
            "How many slices the time axis is cut into. Default: 1; wavefront 8; wavefront-zb 32, so that each of 32 "
            "words is one.",
            _PLAN,
        ),
    ] = None,
    partition: Annotated[
        str,
        option(
            "--partition",
            "How many layers each device gets: even, balanced (first measures the layers, and GPUs), or a list such as "
            "3,2,2,1.",
            _PLAN,
            complete=completing.among("even", "balanced"),
        ),
    ] = "even",
    softmax_devices: Annotated[
        str | None,
        option(
            "--softmax-devices",
            "Which devices share the softmax. A number N: N more devices after those with layers; --gpus counts them "
            "too. all: each device gets a piece of the vocabulary. Default: the last device has the softmax.",
            _PLAN,
        ),
    ] = None,
    checkpoint: Annotated[
        str,
        option(
            "--checkpoint",
            "Which microbatches keep only their input, and run forward again before their backward: "
            "none, always (all of them), except-last (all but the last).",
            _PLAN,
            complete=completing.among("none", "always", "except-last"),
        ),
    ] = "none",
    cell: Annotated[
        str | None,
        option(
            "--cell",
            "How a backward is computed. fused: as a whole. split: the gradients of the inputs first, those of the "
            "weights separately. Default: fused, or split if the schedule needs it.",
            _PLAN,
            complete=completing.among("fused", "split"),
        ),
    ] = None,
    most_alive: Annotated[
        int | None,
        option(
            "--most-alive",
            "wavefront-zb: how many slices (microbatch, chunk) a stage with layers may keep for their backward. At "
            "least the chunks of one microbatch.",
            _PLAN,
        ),
    ] = None,
    most_waiting: Annotated[
        int | None,
        option(
            "--most-waiting",
            "wavefront-zb: how many slices of a stage with layers may wait for the gradients of their weights, when "
            "those of their inputs are computed.",
            _PLAN,
        ),
    ] = None,
    model: Annotated[
        str,
        option(
            "--model",
            f"What is trained: {', '.join(MODELS)}, or your own layers: FILE.py:NAME or package.module:NAME. "
            "NAME is a pipebench.Model, or a function that returns one.",
            _SIZES,
            complete=completing.among(*MODELS),
        ),
    ] = DEFAULT_MODEL,
    preset: Annotated[
        str | None,
        option(
            "--preset",
            "The sizes of a built-in model. Other options can change each of them. "
            + "; ".join(
                f"{name} {sizes['layers']} layers of {sizes['hidden']}"
                for kind in MODELS.values()
                for name, sizes in kind.presets.items()
            )
            + ".",
            _SIZES,
            complete=completing.presets,
        ),
    ] = None,
    layers: Annotated[
        int | None,
        option(
            "--layers",
            "How many LSTM layers. transformer: blocks. seq2seq: pairs of an encoder's and a decoder's layer.",
            _SIZES,
        ),
    ] = None,
    hidden: Annotated[
        int | None, option("--hidden", "Cells in a layer. transformer: its width.", _SIZES)
    ] = None,
    heads: Annotated[
        int | None,
        option("--heads", "transformer: attention heads. Each gets an equal share of the width.", _SIZES),
    ] = None,
    vocab: Annotated[
        int | None,
        option(
            "--vocab",
            "Size of the vocabulary. 3 of its ids are for padding, unknown words and the end. seq2seq: that of the "
            "target.",
            _SIZES,
        ),
    ] = None,
    source_vocab: Annotated[
        int | None,
        option("--source-vocab", "seq2seq: size of the source's vocabulary.", _SIZES),
    ] = None,
    batch: Annotated[int | None, option("--batch", "Sequences in a step.", _SIZES)] = None,
    sequence_length: Annotated[
        int | None,
        option(
            "--sequence-length --seq-len",
            "Words in a sequence. seq2seq: words in the longest sentence that is taken.",
            _SIZES,
        ),
    ] = None,
    dtype: Annotated[
        str, option("--dtype", "float32 or float64.", _SIZES, complete=completing.among("float32", "float64"))
    ] = "float32",
    text: Annotated[
        str | None,
        option(
            "--text",
            "The UTF-8 file to train on. Only the first part of a long file is read. Default: the language reference "
            "of this Python.",
            _SIZES,
        ),
    ] = None,
    tokens: Annotated[
        str,
        option(
            "--tokens",
            "What counts as a word. words: by the rules of Unicode; in scripts without spaces each letter. characters: "
            "each letter. spaces: what stands between two spaces, for text that is already cut into tokens; each "
            "line is a sentence.",
            _SIZES,
            complete=completing.among("words", "characters", "spaces"),
        ),
    ] = "words",
    synthetic: Annotated[
        bool, option("--synthetic", "Train on random words, drawn by Zipf's law.", _SIZES)
    ] = False,
    source: Annotated[
        str | None,
        option("--source", "seq2seq: UTF-8 file with one sentence on each line. Needs --target.", _SIZES),
    ] = None,
    target: Annotated[
        str | None, option("--target", "seq2seq: UTF-8 file with their translations, line by line.", _SIZES)
    ] = None,
    pairs: Annotated[
        str | None,
        option(
            "--pairs",
            "seq2seq: translations from English into this language, such as fr. They come from the gettext catalogs on "
            "this machine. Default: sentences of the language reference of this Python, each with the next one.",
            _SIZES,
        ),
    ] = None,
    no_bucket: Annotated[
        bool,
        option(
            "--no-bucket",
            "seq2seq: put sentences of any length into one batch. Default: sentences of similar length, the longest "
            "ones that fit.",
            _SIZES,
        ),
    ] = False,
    memory: Annotated[
        str | None,
        option(
            "--memory",
            "The memory of one device, such as 24GiB. If the model does not fit on one device, the baseline uses as "
            "few devices as possible.",
            _SIZES,
        ),
    ] = None,
    launches: Annotated[
        int | None,
        option(
            "--launches",
            "How many launches: fresh starts that measure everything again. Default: 6.",
            _EFFORT,
        ),
    ] = None,
    quick: Annotated[
        bool, option("--quick", "3 launches. compare and check need at least 4 for a verdict.", _EFFORT)
    ] = False,
    rigorous: Annotated[bool, option("--rigorous", "12 launches.", _EFFORT)] = False,
    steps: Annotated[
        int, option("--steps", "Timed steps in a launch, for the baseline and for the pipeline.", _EFFORT)
    ] = 2,
    warmup: Annotated[
        int,
        option("--warmup", "Steps before the timed ones, for the baseline and for the pipeline.", _EFFORT),
    ] = 1,
    seed: Annotated[int, option("--seed", "The seed for parameters and synthetic words.", _EFFORT)] = 0,
    deadline: Annotated[
        float | None,
        option(
            "--deadline",
            "Seconds from the start of the run until it is stopped. Default: 10 x the estimate, at least 600.",
            _EFFORT,
        ),
    ] = None,
    emulation_order: Annotated[
        str,
        option(
            "--emulation-order",
            "In which order one core runs the actions of all devices. device: as many as possible of one device, then "
            "of the next. dependence: in the order in which real devices would start them.",
            _EFFORT,
            complete=completing.among(*EMULATION_ORDERS),
        ),
    ] = "device",
    remeasure: Annotated[
        bool,
        option(
            "--remeasure",
            "With --machine local: measure the link again, instead of using the kept result.",
            _EFFORT,
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        option(
            "--dry-run", "Print the plan, the time it would take and the memory. Measure nothing.", _OUTPUT
        ),
    ] = False,
    folder: Annotated[
        Path | None, option("--output -o", "Folder for the record. Default: results/runs.", _OUTPUT)
    ] = None,
    json: Annotated[
        bool, option("--json", "Print the record, and nothing else, on stdout.", _OUTPUT)
    ] = False,
    quiet: Annotated[bool, option("--quiet", "Show no progress and no notices.", _OUTPUT)] = False,
) -> int:
    """Measure a pipeline against the best single device: an LSTM, a Transformer, the translator of 2014, or your own.

    It first verifies that both compute the same gradients. Then it times both in turn.

    8 emulated devices, about a minute:

    pipebench run --gpus 8

    Pipelined over time, as in 2014:

    pipebench run --gpus 8 --schedule wavefront

    2 real processes and the wall clock:

    pipebench run --gpus 2 --device cpu

    The system of 2014, with the softmax on devices of its own:

    pipebench run --model seq2seq --softmax-devices 4 --schedule wavefront

    Your own layers:

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
    """How many devices, if ``--gpus`` is not given.

    As many as the partition lists, and those that share the softmax beside them; else 8. ``None`` for another model:
    ``config/resolving.py`` then decides.
    """
    if "," in given["partition"]:
        return len(given["partition"].split(",")) + devices_beside(given["softmax_devices"])
    return 8 if given["model"] == DEFAULT_MODEL else None
