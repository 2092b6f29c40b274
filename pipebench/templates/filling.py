"""From choices to the text of a CI template, and what a user is told about it."""

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from pipebench.errors import UsageError
from pipebench.system import pasting
from pipebench.templates.choices import MODEL, Choices

EMULATED_LIMITS = "--allow-inconclusive --budget 900"
GPU_LIMITS = "--budget 1800"
TRIED_LIMITS = "--allow-inconclusive --budget 240"


# A slowdown that any machine finds, in half a minute.
FIRING = (
    'pipebench ab --a-run "--schedule gpipe" --b-run "--schedule naive" -- '
    "--gpus 4 --layers 4 --hidden 128 --batch 64 --device emulated"
)


class _Blanks(Template):
    """``%%{name}`` stands for a value: ``$`` belongs to shells, ``${{`` to GitHub."""

    delimiter = "%%"


@dataclass(frozen=True)
class Forge:
    """A place that runs CI: where its template lies below a repository's top, and what it needs to take effect."""

    name: str
    path: str
    variable: str
    label: str  # what tells its runners apart
    node: str  # which of two machines a job is on, where a label stands
    include: str = ""


FORGES = {
    "github": Forge(
        "github", ".github/workflows/pipebench.yml", "repository variable", "label", "${{ matrix.node }}"
    ),
    "gitlab": Forge(
        "gitlab",
        ".gitlab-ci-pipebench.yml",
        "CI/CD variable",
        "tag",
        "$NODE",
        include="in .gitlab-ci.yml\n  include:\n    - local: .gitlab-ci-pipebench.yml\n\n",
    ),
}


def forge_of(name: str) -> Forge:
    """The forge of a name.

    Raises:
        UsageError: There is none of this name.
    """
    if name not in FORGES:
        raise UsageError(f"unknown forge {name!r}: expected one of {', '.join(FORGES)}")
    return FORGES[name]


def template(forge: Forge, choices: Choices) -> str:
    """The template's text, every blank filled in."""
    base, environments = _part("base.sh"), _part("environments.sh")
    needed = environments if choices.kind == "requirements" else ""
    text = _with_script(_part(f"{forge.name}.yml"), base + needed + _part(f"{choices.kind}.sh"))
    if choices.machines > 1:
        script = base + environments + _part("machines.sh")
        text += _with_script(_part(f"{forge.name}-machines.yml"), script)
    values = {
        "command": choices.command(forge.name),
        "labels": _listed(choices.labels),
        "labels_of_node": _listed([*choices.labels, f"node-{forge.node}"]),
        "required": _quoted("" if choices.kind == "refs" else choices.requirements),
        "model_file": _quoted(choices.model_file),
        "gpus_each": str(choices.gpus // choices.machines),
        "group": "-".join(choices.labels),
        "branch": _quoted(choices.branch),
        "plain_branch": choices.branch,
        "emulated": _quoted(f"{choices.common} --device emulated"),
        "emulated_limits": _quoted(EMULATED_LIMITS),
        "cuda": _quoted(f"{choices.common} --device cuda"),
        "gpu_limits": _quoted(GPU_LIMITS),
    }
    return _Blanks(text).substitute(values)


def _listed(labels: Sequence[str]) -> str:
    return "[" + ", ".join(map(_quoted, labels)) + "]"


def next_steps(forge: Forge, choices: Choices, folder: str = ".") -> str:
    """What else the template needs, and its commands to try in the repository's top, ``folder``."""
    many = len(choices.labels) > 1
    needs = f"a runner with {f'all {forge.label}s' if many else f'the {forge.label}'} {choices.runner}"
    lines = [
        f"{needs}, {choices.gpus} GPUs and Python 3.11 or newer;",
        f"  until there is one, set the {forge.variable} PIPEBENCH_GPU to off",
    ]
    if choices.machines > 1:
        lines += [
            f"two such runners at the same time, with the {forge.label}s node-0 and node-1 and {choices.gpus // 2} "
            "GPUs each;",
            f"  the {forge.variable} PIPEBENCH_MASTER: an address of node-0; without it the job does not run",
        ]
    if choices.kind != "refs":
        lines = [
            f"{choices.requirements}: pipebench and torch with their versions, committed, such as",
            "  pipebench @ git+https://HOST/PATH/pipebench.git@COMMIT",
            "  torch==2.13.0",
            *(
                ["  and nothing of this repository (no -e .): both sides would run it"]
                if choices.model
                else []
            ),
            *lines,
        ]
    firing = FIRING.replace("pipebench", pasting.command(), 1)
    going = [] if folder == "." else [f"cd {pasting.quoted(pasting.path_word(folder))}"]
    return (
        forge.include
        + "it needs\n"
        + textwrap.indent("\n".join(lines), "  ")
        + "\n\ntry what its jobs run\n"
        + textwrap.indent("\n".join([*going, *_TRIES[choices.kind](choices)]), "  ")
        + f"\n\na gate that fires: naive against gpipe ends with 3\n  {firing}\n"
    )


def model_file() -> str:
    """The text of a model to start from."""
    return _part("model.txt")


def model_steps(file: Path) -> str:
    """Commands to try with a model's file, in the folder that it was named from."""
    named = ["--model", f"{pasting.path_word(file)}:build", "--gpus", "4"]
    refs = ["--a", "HEAD~1", "--b", "HEAD", "--"]
    return (
        f"try\n  {pasting.command('run', *named)}\n\n"
        "once it is committed: two refs of your repository, and the gate of its CI\n"
        f"  {pasting.command('ab', *refs, *named)}\n  {pasting.command('init', 'ci', 'github', *named)}\n"
    )


def _tries_of_requirements(choices: Choices) -> list[str]:
    made = [
        f"python3 -m venv .venv-{side} && .venv-{side}/bin/pip install -r {choices.requirements}"
        for side in ("base", "head")
    ]
    measured = (
        ".venv-head/bin/pipebench ab --a-python .venv-base/bin/python --b-python .venv-head/bin/python "
        f"{TRIED_LIMITS} -- {choices.common} --device emulated"
    )
    return [*made, measured]


def _tries_of_refs(choices: Choices) -> list[str]:
    options = f"--a HEAD~1 --b HEAD {TRIED_LIMITS} -- {choices.common} --device emulated"
    return [pasting.command("ab", *options.split())]


_TRIES: Mapping[str, Callable[[Choices], list[str]]] = {
    "requirements": _tries_of_requirements,
    "refs": _tries_of_refs,
    MODEL: _tries_of_refs,
}


def _with_script(text: str, script: str) -> str:
    """The script in place of its blank, each line as far to the right as the blank was."""
    return re.sub(
        r"^( *)%%\{script\}\n", lambda blank: textwrap.indent(script, blank[1]), text, flags=re.MULTILINE
    )


def _quoted(text: str) -> str:
    """A YAML string, whatever its words would mean without quotation marks; choices have none of these."""
    return f"'{text}'"


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
