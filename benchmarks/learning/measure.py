"""Trains one translator twice, on a single device and on 8 emulated ones, and writes every step's losses.

Usage: python benchmarks/learning/measure.py [--steps 200] [--language fr] [FOLDER]

FOLDER is results/learning by default; losses.json and learning.svg are written into it. Nothing is timed.
"""

import argparse
import json
import random
import sys
from array import array
from pathlib import Path

import msgspec
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import charts

from pipebench.config import RunConfig, RunOptions
from pipebench.models.network import Network
from pipebench.models.pairs.data import PairBatch, PairData, Sentences, load
from pipebench.models.registry import network_for
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.resolving import resolve
from pipebench.runtime.baseline import Baseline
from pipebench.runtime.emulator import EmulatedPipeline
from pipebench.runtime.messages import Form

BATCH, BATCHES = 64, 100
_SIZES = {"hidden": 128, "vocab": 8000, "source_vocab": 8000, "sequence_length": 16}


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
    series = {
        f"{side.replace('_', ' ')}, {dtype}": found[dtype][side]
        for dtype in ("float64", "float32")
        for side in ("single_device", "pipeline")
    }
    title = f"{arguments.steps} steps on translations from English to {arguments.language}"
    (arguments.folder / "learning.svg").write_text(charts.lines(title, "step", "loss a sentence", series))
    for dtype, each in found.items():
        pairs = list(zip(each["single_device"], each["pipeline"], strict=True))
        worst = max(abs(a - b) / a for a, b in pairs)
        clipped = sum(norm > each["clipping"] for norm in each["norms"])
        first, last = (sum(a for a, _ in part) / len(part) for part in (pairs[:10], pairs[-10:]))
        print(
            f"{dtype}: losses at most {worst:.1e} apart; from {first:.1f} (steps 1-10) to {last:.1f} (the last 10); "
            f"clipped in {clipped} of {len(pairs)} steps"
        )


def losses(language: str, dtype: str, steps: int) -> dict[str, object]:
    """Of both, step by step; the norm of all gradients is the single device's."""
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
    single = Baseline(Form("chain"), network)
    pipeline = EmulatedPipeline(
        add_transfers(SCHEDULES["wavefront"].plan(config.graph)), network, config.layout
    )
    found: dict[str, list[float]] = {"single_device": [], "pipeline": [], "norms": []}
    for step in range(steps):
        taken = trained(network, single, pipeline, config, step % len(data.batches))
        for name, value in zip(found, taken, strict=True):
            found[name].append(value)
        if step % 20 == 0:
            print(f"{dtype} step {step}: {taken[0]:.2f} {taken[1]:.2f}", file=sys.stderr)
    return {
        **found,
        "clipping": config.clipping,
        "pairs": data.pairs,
        "origin": data.origin,
        "torch": torch.__version__,
    }


def trained(
    network: Network, single: Baseline, pipeline: EmulatedPipeline, config: RunConfig, number: int
) -> tuple[float, float, float]:
    """One step of both on one batch: their losses, and the norm."""
    single.step(single.batch(number), update=False)
    norm = float(single.optimizer.squared_norm()) ** 0.5
    single.optimizer.step()
    pipeline.step(network.batch(number, microbatches=config.microbatches, chunks=config.chunks))
    return single.loss(), pipeline.loss(), norm


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
