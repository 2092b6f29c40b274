"""What the user chooses for a CI template, checked so that nothing of it can be more than a word in YAML and shell."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipebench.errors import UsageError
from pipebench.models.references import is_file, parted

SIDES = ("requirements", "refs")
MODEL = "model"  # the sides where a model is named: what its repository has at base and at head

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LABELS = re.compile(rf"{_LABEL.pattern}(,{_LABEL.pattern})*")
_PATH = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._/+-]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODULE = re.compile(rf"{_NAME.pattern}(\.{_NAME.pattern})*")
_WORD = re.compile(r"[A-Za-z0-9._,=/+-]+")

# What the template or ``ab`` itself decides.
_OURS = frozenset(
    {
        *("--gpus", "--devices", "--device", "--launches", "--quick", "--rigorous", "--dry-run"),
        *("--json", "--quiet", "--output", "-o", "--help", "-h", "--"),
    }
)


@dataclass(frozen=True)
class Choices:
    """The options of ``pipebench init ci``; their defaults are the command's.

    Args:
        runner: label of the machine with GPUs, or several with commas: a runner must have them all.
        gpus: devices of the pipeline, emulated and real.
        run: further options of ``run`` for both jobs.
        sides: ``requirements``: two environments, of what base and head require; ``refs``: two versions of pipebench;
            empty: ``requirements``, or with a model what the repository has at base and at head.
        requirements: the file that names pipebench and torch with their versions, below the repository's top.
        branch: where pushes are measured.
        machines: 2 adds a job on two of them, started by torchrun; each has half of the GPUs.
        model: a model of the user's own, below the repository's top: ``FILE.py:NAME`` or ``package.module:NAME``.

    Raises:
        UsageError: A value is out of range, or holds what a shell or YAML might act on.
    """

    runner: str = "gpu"
    gpus: int = 8
    run: str = ""
    sides: str = ""
    requirements: str = "requirements-pipebench.txt"
    branch: str = "main"
    machines: int = 1
    model: str = ""

    def __post_init__(self) -> None:
        _check("--runner", self.runner, _LABELS.fullmatch, "a label such as gpu, or several: self-hosted,gpu")
        if self.gpus < 1:
            raise UsageError(f"--gpus must be at least 1, got {self.gpus}")
        _check_run(self.run)
        if self.sides and self.sides not in SIDES:
            raise UsageError(f"unknown --sides {self.sides!r}: expected one of {', '.join(SIDES)}")
        if self.model:
            _check_model(self)
        _check("--requirements", self.requirements, _is_file_below, "a file below the repository's top")
        _check("--branch", self.branch, _is_branch, "the name of a branch")
        if self.machines not in (1, 2):
            raise UsageError(f"--machines must be 1 or 2, got {self.machines}")
        if self.gpus % self.machines:
            raise UsageError(
                f"--gpus {self.gpus}: expected as many on each of {self.machines} machines: an even number"
            )

    @property
    def labels(self) -> list[str]:
        """The runner's labels one by one."""
        return self.runner.split(",")

    @property
    def common(self) -> str:
        """What both jobs give to ``run`` beside ``--device``."""
        model = [f"--model {self.model}"] if self.model else []
        return " ".join([*model, f"--gpus {self.gpus}", *self.run.split()])

    @property
    def kind(self) -> str:
        """What base and head differ in: one of ``SIDES``, or ``MODEL``."""
        return MODEL if self.model else self.sides or SIDES[0]

    @property
    def model_file(self) -> str:
        """The model's file below the top, as far as its name tells."""
        place, _ = parted(self.model)
        return place if is_file(place) else f"{place.replace('.', '/')}.py"

    def options(self) -> list[str]:
        """The options of ``pipebench init ci`` that are not the default: the command that makes this template again."""
        default = Choices()
        pairs = {
            "--runner": (self.runner, default.runner),
            "--gpus": (str(self.gpus), str(default.gpus)),
            "--run": (self.run, default.run),
            "--sides": (self.sides or SIDES[0], SIDES[0]),
            "--requirements": (self.requirements, default.requirements),
            "--branch": (self.branch, default.branch),
            "--machines": (str(self.machines), str(default.machines)),
            "--model": (self.model, default.model),
        }
        return [word for name, (value, usual) in pairs.items() if value != usual for word in (name, value)]

    def command(self, forge: str) -> str:
        """The whole command, as for a shell."""
        return shlex.join(["pipebench", "init", "ci", forge, *self.options()])


def _check(option: str, value: str, is_good: Callable[[str], object], expected: str) -> None:
    if not is_good(value):
        raise UsageError(f"{option} {value!r}: expected {expected}, of letters, digits and . _ - only")


def _is_file_below(text: str) -> bool:
    """Whether it can be a file, and stays below the folder it starts from."""
    parts = PurePosixPath(text).parts
    return bool(_PATH.fullmatch(text) and parts) and ".." not in parts and text[-1] != "/"


def _check_model(choices: Choices) -> None:
    place, name = parted(choices.model)
    good = _is_file_below(place) and place.endswith(".py") if is_file(place) else _MODULE.fullmatch(place)
    if not (good and _NAME.fullmatch(name)):
        raise UsageError(
            f"--model {choices.model!r}: expected FILE.py:NAME, a file below the repository's top, or "
            "package.module:NAME, of letters, digits and . _ - only"
        )
    if choices.sides:
        raise UsageError("--model: base and head are two states of its repository: leave --sides out")
    if "--model" in [word.partition("=")[0] for word in choices.run.split()]:
        raise UsageError("--run: --model is an option of its own here: leave one of them out")
    if choices.machines > 1:
        raise UsageError("--model: the job on two machines is for the built-in model: leave --machines out")


def _is_branch(text: str) -> bool:
    """Whether git takes it as a branch's name, and GitHub not as a pattern, as it does with a ``+``."""
    parts = text.split("/")
    good = all(
        part and part[0] != "." and not part.endswith((".", ".lock")) and ".." not in part for part in parts
    )
    return bool(_PATH.fullmatch(text)) and good and "+" not in text and parts[0] != "refs" and text != "HEAD"


def _check_run(run: str) -> None:
    for word in run.split(" ") if run else ():
        if word and not _WORD.fullmatch(word):
            raise UsageError(
                f"--run: {word!r} holds what a shell or YAML might act on; give plain options of run"
            )
        if word.partition("=")[0] in _OURS or word[:2] in {"-o", "-h"}:
            raise UsageError(
                f"--run: {word} is set by the template (--gpus here is an option of its own); leave it out"
            )
