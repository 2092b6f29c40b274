"""Times the same translations in batches of like length and in batches of any length, in turn.

Usage: python benchmarks/buckets/measure.py [ROUNDS]    measure into results/buckets (default 4 rounds)
       python benchmarks/buckets/measure.py table       print its table

The words a second of all rounds are in rates.json; of the records only those of the last round are kept.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from pipebench.models.outline import BATCHES
from pipebench.models.pairs.catalogs import Catalogs
from pipebench.records.run import CompletedRun
from pipebench.statistics import ratio_interval

COMMAND = Path(sys.executable).with_name("pipebench")
FOLDER = Path("results/buckets")
RATES = FOLDER / "rates.json"
LANGUAGE, BATCH, WORDS = "fr", 128, 24  # the target's end is one more word
PLANS = {
    "whole batch": ["--microbatches", "1", "--chunks", "24"],
    "4 microbatches": ["--microbatches", "4", "--chunks", "6"],
}
SIDES = {"baseline": "single device", "pipeline": "8 devices"}
WAYS = {"bucket": [], "any": ["--no-bucket"]}
OPTIONS = [
    *("--model", "seq2seq", "--gpus", "8", "--softmax-devices", "4", "--schedule", "wavefront"),
    *("--tokens", "spaces", "--batch", str(BATCH), "--sequence-length", str(WORDS)),
    *("--launches", "3", "--steps", str(BATCHES), "--quiet"),  # each of the batches once
]


def main() -> None:
    """Measure, then print the table."""
    what = sys.argv[1] if len(sys.argv) > 1 else "4"
    if what != "table":
        RATES.write_text(json.dumps(measure(int(what)), indent=1) + "\n")
    found = json.loads(RATES.read_text())
    columns = ("plan of the 8 devices", "side", "batches of like length", "batches of any length", "factor")
    print(f"| {' | '.join(columns)} | 95 % interval over rounds |")
    print("|---|---|---|---|---|---|")
    for plan in PLANS:
        for side, name in SIDES.items():
            like, any_ = (found[plan][way][side] for way in WAYS)
            factor = ratio_interval([a / b for a, b in zip(like, any_, strict=True)])
            words = [ratio_interval(each).value for each in (like, any_)]
            print(
                f"| {plan} | {name} | {words[0]:,.0f} words/s | {words[1]:,.0f} words/s | {factor.value:.2f} | "
                f"{factor.low:.2f} to {factor.high:.2f} |"
            )


def measure(rounds: int) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Each plan and way once a round: words/s of both sides."""
    found = {plan: {way: {side: [] for side in SIDES} for way in WAYS} for plan in PLANS}
    with tempfile.TemporaryDirectory() as folder:
        files = sample(Path(folder))
        for number in range(1, rounds + 1):
            for plan, options in PLANS.items():
                for way, more in WAYS.items():
                    print(f"round {number} of {rounds}: {plan}, {way}", file=sys.stderr)
                    out = FOLDER / f"{plan.replace(' ', '-')}-{way}"
                    shutil.rmtree(out, ignore_errors=True)
                    command = [COMMAND, "run", *OPTIONS, *options, *more, *files, "--json", "-o", out]
                    record = msgspec.json.decode(
                        subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout, type=CompletedRun
                    )
                    for side in SIDES:
                        found[plan][way][side].append(getattr(record, side).throughput)
    return found


def sample(folder: Path) -> list[str]:
    """As many translations as the batches take, drawn from all that fit: both ways time the same ones."""
    fitting = [
        pair
        for pair in Catalogs(LANGUAGE, "words").pairs()
        if 1 <= len(pair.source) <= WORDS and 1 <= len(pair.target) < WORDS
    ]
    drawn = random.Random(0).sample(fitting, BATCHES * BATCH)
    files = folder / f"pairs.{LANGUAGE}.en", folder / f"pairs.{LANGUAGE}"
    for file, side in zip(files, ("source", "target"), strict=True):
        file.write_text("".join(" ".join(getattr(pair, side)) + "\n" for pair in drawn))
    return ["--source", str(files[0]), "--target", str(files[1])]


if __name__ == "__main__":
    main()
