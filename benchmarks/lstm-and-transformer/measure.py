"""An LSTM and a Transformer on the same emulated devices and link, side by side.

Usage: python benchmarks/lstm-and-transformer/measure.py scan              one launch of each wavefront
       python benchmarks/lstm-and-transformer/measure.py plans [ROUNDS]    measure into results/lstm-and-transformer
       python benchmarks/lstm-and-transformer/measure.py table             print the tables of its records
       python benchmarks/lstm-and-transformer/measure.py slices            print what a slice and a message cost

Plans are run in turn, three launches each; the rounds of a plan are joined with ``pipebench merge``.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

from pipebench.diagnosis import waterfall as steps
from pipebench.diagnosis.step import step_of
from pipebench.records import folders
from pipebench.records.run import CompletedRun

COMMAND = Path(sys.executable).with_name("pipebench")
FOLDER = Path("results") / "lstm-and-transformer"
MODELS = ("stacked-lstm", "transformer")
# Microbatches and chunks; the best ones of ``scan``.
WAVEFRONTS = ((1, 8), (1, 16), (2, 4), (2, 8), (4, 2), (4, 4), (4, 8), (8, 2), (8, 4))
BEST = {"stacked-lstm": (4, 4), "transformer": (2, 4)}
SHOWN = steps.LOSSES


def gpipe(microbatches: int) -> list[str]:
    """Options of a pipeline over samples alone."""
    return ["--microbatches", str(microbatches)]


def wavefront(microbatches: int, chunks: int) -> list[str]:
    """Options of a pipeline over time too."""
    return ["--schedule", "wavefront", "--microbatches", str(microbatches), "--chunks", str(chunks)]


def plans_of(model: str) -> dict[str, list[str]]:
    """By name."""
    return {f"gpipe-{count}": gpipe(count) for count in (4, 8, 16)} | {"wavefront": wavefront(*BEST[model])}


def main() -> None:
    """Measure, or print what was measured."""
    what = sys.argv[1]
    if what == "scan":
        scan()
    elif what == "plans":
        plans(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
    elif what == "slices":
        slices()
    else:
        table()


def run(model: str, options: list[str]) -> dict[str, Any]:
    """One run on 8 emulated devices; its record."""
    command = [COMMAND, "run", "--gpus", "8", "--device", "emulated", "--model", model, *options]
    ended = subprocess.run(
        [*command, "--json", "--quiet"], check=True, stdout=subprocess.PIPE, env=os.environ
    )
    record: dict[str, Any] = json.loads(ended.stdout)
    return record


def scan() -> None:
    """A short run of each wavefront."""
    with tempfile.TemporaryDirectory() as made:
        for model in MODELS:
            for cut in WAVEFRONTS:
                found = run(model, [*wavefront(*cut), "--launches", "1", "-o", made])
                print(f"{model} {cut[0]} x {cut[1]}: {found['speedup']['value']:.2f}x", flush=True)


def plans(rounds: int) -> None:
    """Each plan of both models once a round, then its rounds as one record."""
    with tempfile.TemporaryDirectory() as made:
        for turn in range(1, rounds + 1):
            for name in plans_of(MODELS[0]):
                for model in MODELS:
                    print(f"round {turn} of {rounds}: {model} {name}", file=sys.stderr, flush=True)
                    run(model, [*plans_of(model)[name], "--quick", "-o", str(Path(made) / model / name)])
        for model in MODELS:
            for name in plans_of(model):
                command = [COMMAND, "merge", Path(made) / model / name, "-o", FOLDER / model / name]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def only(model: str, name: str) -> CompletedRun:
    """The record of a plan."""
    (record,) = [
        each for _, each in folders.read_all(FOLDER / model / name) if isinstance(each, CompletedRun)
    ]
    return record


def table() -> None:
    """Speed-up, bubble and transfer of both models plan by plan; then their waterfalls."""
    print("| plan | model | slices | speed-up (95 %) | bubble | waiting for messages | work of all slices |")
    print("|---|---|---|---|---|---|---|")
    for name in plans_of(MODELS[0]):
        for model in MODELS:
            print(summary(name, model, only(model, name)))
    print("\n| plan | model | " + " | ".join(SHOWN) + " | speed-up |")
    print("|---|---|" + "---|" * (len(SHOWN) + 1))
    for name in plans_of(MODELS[0]):
        for model in MODELS:
            record = only(model, name)
            found = factors(record)
            cells = " | ".join(f"{found[step]:.2f}" for step in SHOWN)
            print(f"| {name} | {model} | {cells} | {record.speedup.value:.2f}x |")


def summary(name: str, model: str, record: CompletedRun) -> str:
    """A line of the first table."""
    config, whole_s = record.config, record.timeline.makespan_s
    transfer = (
        fmean(device.transfer_s for device in record.devices if device.transfer_s is not None) / whole_s
    )
    cut = f"{config.microbatches} x {config.chunks}" if config.chunks > 1 else str(config.microbatches)
    speedup = f"{record.speedup.value:.2f}x ({record.speedup.low:.2f} to {record.speedup.high:.2f})"
    work = f"{1 / factors(record)[steps.WORK]:.2f}x"
    bubble = f"{100 * record.bubble.fraction:.0f} %"
    return f"| {name} | {model} | {cut} | {speedup} | {bubble} | {100 * transfer:.1f} % | {work} |"


def factors(record: CompletedRun) -> dict[str, float]:
    """The steps of its waterfall."""
    step = step_of(record)
    assert step is not None
    return dict(step.waterfall)


def slices() -> None:
    """Forward and backward of one slice on a middle stage, from each record's timeline."""
    print("| plan | model | words of a slice | forward | backward | a message |\n|---|---|---|---|---|---|")
    for name in plans_of(MODELS[0]):
        for model in MODELS:
            record = only(model, name)
            spans = [span for span in record.timeline.spans if span.device == 4]
            lasts = {
                letter: 1e3 * fmean(s.end_s - s.start_s for s in spans if s.action[1] == letter)
                for letter in "FB"
            }
            sent = [t for t in record.timeline.transfers if t.action.startswith("4F")]
            message_ms = 1e3 * fmean(t.end_s - t.start_s for t in sent)
            config = record.config
            assert config.sequence_length is not None
            words = config.batch * config.sequence_length // (config.microbatches * config.chunks)
            cells = f"{lasts['F']:.2f} ms | {lasts['B']:.2f} ms | {message_ms:.2f} ms"
            print(f"| {name} | {model} | {words} | {cells} |")


if __name__ == "__main__":
    main()
