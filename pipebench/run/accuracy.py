"""How far an emulated number can be trusted: what the packaged study found, and on which machine. Pure.

The study holds emulated steps against those of real ranks on 2 cores, see benchmarks/emulation-accuracy;
its figures stand in accuracy.json beside this file, written from its records by its table.py.
"""

import re
from pathlib import Path

import msgspec
from msgspec import UNSET

from pipebench.records.figures import Accuracy, StudyFigures

PACKAGED = Path(__file__).with_name("accuracy.json")
HOW_TO_FIND_OUT = "pipebench run --gpus 2 --device cpu, and the same with --device emulated --machine local"
TO_FIND_OUT = (  # the same as it is typed
    "pipebench run --gpus 2 --device cpu",
    "pipebench run --gpus 2 --device emulated --machine local",
)


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """The study in figures: the least and the largest emulated / real ratio of its cells."""

    date: str
    cpu_model: str
    cpu_count: int
    torch: str
    devices: int
    cells: int  # shapes x schedules
    step_ratio_low: float
    step_ratio_high: float
    speedup_ratio_low: float
    speedup_ratio_high: float

    @property
    def where(self) -> str:
        """Its machine and date."""
        return f"{self.cpu_model}, {self.cpu_count} cores, torch {self.torch}, {self.date}"


def packaged() -> Study:
    """The study that this version of pipebench came with."""
    return msgspec.json.decode(PACKAGED.read_bytes(), type=Study)


def quote(
    study: Study, *, cpu_model: str, cpu_count: int | None, torch: str | None, studied: bool = True
) -> Accuracy:
    """What an emulated record says of its accuracy: the study's figures, or that they are unknown here.

    Here is where processor, number of cores and torch are the study's; ``studied``: the model is too.
    """
    if (study.cpu_model, study.cpu_count, study.torch) == (cpu_model, cpu_count, torch):
        whose, also = ("", "") if studied else (" of the stacked LSTM", ", and this model,")
        text = (
            f"on such a machine emulated steps{whose} took {study.step_ratio_low:.2f} to "
            f"{study.step_ratio_high:.2f} of the time of real ones, speed-ups {study.speedup_ratio_low:.2f} to "
            f"{study.speedup_ratio_high:.2f}: "
            f"{study.cells} plans and shapes, {study.devices} ranks, --machine local ({study.where}); more devices "
            f"and other machines{also} were not tried"
        )
        figures = StudyFigures(study.speedup_ratio_low, study.speedup_ratio_high, study.devices, studied)
        return Accuracy(known_here=True, study=study.where, text=text, figures=figures)
    text = f"unknown here (studied on {study.where}); to find out: {HOW_TO_FIND_OUT}"
    return Accuracy(known_here=False, study=study.where, text=text)


_QUOTED = re.compile(r"speed-ups (\d+\.\d+) to (\d+\.\d+): .*?, (\d+) ranks,")


def figures_of(accuracy: Accuracy) -> StudyFigures | None:
    """The figures that a record has from ``quote``; ``None`` if there are none for it."""
    if not accuracy.known_here:
        return None
    return _figures_in_words(accuracy) if accuracy.figures is UNSET else accuracy.figures


def _figures_in_words(accuracy: Accuracy) -> StudyFigures | None:
    """The figures of an older record, which has only the sentence: two decimals of each ratio."""
    found = _QUOTED.search(accuracy.text)
    if found is None:
        return None
    low, high, ranks = found.groups()
    return StudyFigures(float(low), float(high), int(ranks), of_this_model="this model" not in accuracy.text)


def unstudied(study: Study) -> Accuracy:
    """What a record of layers of the user's own says: the study is of another model."""
    text = (
        f"unknown for layers of your own (studied on the stacked LSTM, {study.where}); to find out: the same --model "
        "with --gpus 2 --device cpu, and with --gpus 2 --device emulated --machine local"
    )
    return Accuracy(known_here=False, study=study.where, text=text)
