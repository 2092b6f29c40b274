"""Trains one translator three times over: on a single device, whole and in microbatches, and on 8 emulated devices.

Usage: python benchmarks/learning/measure.py [--steps 200] [--language fr] [FOLDER]

FOLDER is results/learning by default; losses.json, learning.svg and apart.svg are written into it. Nothing is timed.
"""

import argparse
import json
import random
import sys
from array import array
from math import log10
from pathlib import Path

import msgspec
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import charts

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.launching.messages import Form
from pipebench.measuring.baseline import Baseline
from pipebench.models.network import cut
from pipebench.models.pairs.data import PairBatch, PairData, Sentences, load
from pipebench.models.registry import network_for
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers

BATCH, BATCHES = 128, 100
_SAME = 1e-8  # relative
_SIZES = {"hidden": 128, "vocab": 8000, "source_vocab": 8000, "sequence_length": 12}


SIDES = ("single_device", "in_microbatches", "pipeline", "step_by_step")
NAMES = {
    "single_device": "single device",
    "in_microbatches": "single device, 4 microbatches",
    "pipeline": "8-device pipeline",
    "step_by_step": "pipeline, each step from the single device's parameters",
}


def main() -> None:
    """Train in float64 and in float32, write what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--language", default="fr")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("results/learning"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = {dtype: losses(arguments.language, dtype, arguments.steps) for dtype in ("float64", "float32")}
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "losses.json").write_text(json.dumps(found, indent=1) + "\n")
    title = f"{arguments.steps} steps on translations from English to {arguments.language}, float32"
    shown = {NAMES[side]: a_word(found["float32"], side) for side in ("single_device", "pipeline")}
    (arguments.folder / "learning.svg").write_text(charts.lines(title, "step", "loss a word", shown))
    gaps = {NAMES[side]: [-log10(gap) for gap in apart(found["float64"], side)] for side in SIDES[1:]}
    title = "float64: how many digits of the loss are the single device's"
    (arguments.folder / "apart.svg").write_text(charts.lines(title, "step", "digits", gaps))
    for dtype, each in found.items():
        clipped = sum(norm > each["clipping"] for norm in each["norms"])
        steps = a_word(each, "single_device")
        first, middle, last = (sum(part) / len(part) for part in (steps[:10], steps[90:100], steps[-10:]))
        print(
            f"{dtype}: loss a word {first:.2f} (steps 1-10), {middle:.2f} (91-100), {last:.2f} (the last 10); "
            f"clipped in {clipped} of {len(steps)} steps"
        )
        print(f"  updates from the same parameters: at most {max(each['updates']):.0e} apart")
        for side in SIDES[1:]:
            gaps_of_side = apart(each, side)
            further = next((n for n, gap in enumerate(gaps_of_side, start=1) if gap > _SAME), None)
            print(
                f"  {NAMES[side]}: at most {max(gaps_of_side):.0e} apart; further than {_SAME:.0e} "
                + ("never" if further is None else f"from step {further} on")
            )


def a_word(found: dict[str, list[float]], side: str) -> list[float]:
    """The losses of a side by target word: sentences differ in length from batch to batch."""
    return [loss / words for loss, words in zip(found[side], found["words"], strict=True)]


def apart(found: dict[str, list[float]], side: str) -> list[float]:
    """How far a side's losses are from the single device's, relative, 1e-17 at least."""
    return [max(abs(a - b) / a, 1e-17) for a, b in zip(found["single_device"], found[side], strict=True)]


def losses(language: str, dtype: str, steps: int) -> dict[str, object]:
    """Of all sides, step by step; the norm of all gradients is the single device's."""
    config = resolve(
        RunOptions(
            model="seq2seq",
            gpus=8,
            softmax_devices="4",
            schedule="wavefront",
            microbatches=4,
            chunks=4,
            device="emulated",
            pairs=language,
            dtype=dtype,
            batch=BATCH,
            **_SIZES,
        )
    )
    data = batches(config)
    network = network_for(msgspec.structs.replace(config, found={"onednn_projection": False}), data)
    whole, cut_ = (Baseline(form, network) for form in (Form("chain"), Form("chain-microbatches", 4)))
    free, held = (
        EmulatedPipeline(add_transfers(SCHEDULES["wavefront"].plan(config.graph)), network, config.layout)
        for _ in range(2)
    )
    found: dict[str, list[float]] = {name: [] for name in (*SIDES, "norms", "words", "updates")}
    for step in range(steps):
        number = step % len(data.batches)
        batch = network.batch(number, microbatches=config.microbatches, chunks=config.chunks)
        take_parameters(held, whole)
        before = {name: parameter.detach().clone() for name, parameter in whole.model.named()}
        found["words"].append(data.batches[number].target.number / BATCH)
        whole.step(whole.batch(number), update=False)
        found["norms"].append(float(whole.optimizer.squared_norm()) ** 0.5)
        whole.optimizer.step()
        cut_.step(cut_.batch(number))
        for pipeline in (free, held):
            pipeline.step(batch)
        for name, side in zip(SIDES, (whole, cut_, free, held), strict=True):
            found[name].append(side.loss())
        found["updates"].append(update_apart(before, whole, held))
        if step % 20 == 0:
            print(f"{dtype} step {step}: {found['single_device'][-1]:.2f}", file=sys.stderr)
    return {
        **found,
        "clipping": config.clipping,
        "pairs": data.pairs,
        "origin": data.origin,
        "torch": torch.__version__,
    }


def update_apart(before: dict[str, torch.Tensor], single: Baseline, pipeline: EmulatedPipeline) -> float:
    """How far the pipeline's update is from the single device's, by the norm of that: both began with ``before``."""
    after, found = dict(single.model.named()), pipeline.parameters()
    with torch.no_grad():
        wrong = sum(float((found[name] - after[name]).double().square().sum()) for name in before)
        moved = sum(float((after[name] - before[name]).double().square().sum()) for name in before)
    return (wrong / moved) ** 0.5


def take_parameters(pipeline: EmulatedPipeline, single: Baseline) -> None:
    """Give all devices the single device's parameters."""
    known = dict(cut(single.model.named(), pipeline.pieces))
    with torch.no_grad():
        for part in pipeline.parts:
            for name, parameter in part.named():
                parameter.copy_(known[name])


def batches(config: RunConfig) -> PairData:
    """Many batches, in an order that is drawn; sentences of like length share one."""
    many = load(msgspec.structs.replace(config, batch=BATCH * BATCHES // 4))
    cut = [part for batch in many.batches for part in parts(batch)]
    random.Random(0).shuffle(cut)
    return msgspec.structs.replace(many, batches=tuple(cut))


def parts(batch: PairBatch) -> list[PairBatch]:
    """A large batch, cut into those of a step."""
    sides = []
    for side in (batch.source, batch.target):
        words, sentences, first = array("q", side.words), [], 0
        for length in side.lengths:
            sentences.append(words[first : first + length])
            first += length
        sides.append(sentences)
    return [
        PairBatch(*(_side(sentences[first : first + BATCH]) for sentences in sides))
        for first in range(0, len(sides[0]) - BATCH + 1, BATCH)
    ]


def _side(sentences: list[array]) -> Sentences:
    return Sentences(b"".join(each.tobytes() for each in sentences), tuple(map(len, sentences)))


if __name__ == "__main__":
    main()
