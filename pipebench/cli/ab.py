"""``pipebench ab``: two sides measured in turn, with a verdict."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipebench.cli import ci, gated
from pipebench.cli.panels import option

_SIDES, _EFFORT, _VERDICT, _OUTPUT = "Sides (B is compared with A)", "Effort", "Verdict", "Output"


_FOLDER = Path("results/ab")  # not results/runs: a side is no run that latest or a history should mean


def ab(
    common: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- RUN OPTIONS", help="The options of run for both sides, after --."),
    ] = None,
    a_run: Annotated[
        str | None,
        option(
            "--a-run",
            "Options of run for A alone. They may change the plan, but not the work.",
            _SIDES,
            '"OPTIONS"',
        ),
    ] = None,
    b_run: Annotated[
        str | None, option("--b-run", "Options of run for B alone.", _SIDES, '"OPTIONS"')
    ] = None,
    a_ref: Annotated[
        str | None,
        option(
            "--a",
            "A git ref for A; needs --b. It is a version of pipebench, or of your own repository if --model is yours.",
            _SIDES,
            "REF",
        ),
    ] = None,
    b_ref: Annotated[
        str | None, option("--b", "A git ref for B. Each ref gets a worktree.", _SIDES, "REF")
    ] = None,
    a_model: Annotated[
        str | None,
        option(
            "--a-model",
            "What A trains, as --model of run; needs --b-model. Layers and sizes may then differ.",
            _SIDES,
            "MODEL",
        ),
    ] = None,
    b_model: Annotated[str | None, option("--b-model", "What B trains.", _SIDES, "MODEL")] = None,
    a_python: Annotated[
        str | None,
        option("--a-python", "The Python of A; it must have pipebench. Default: this one.", _SIDES, "PATH"),
    ] = None,
    b_python: Annotated[str | None, option("--b-python", "The Python of B.", _SIDES, "PATH")] = None,
    a_env: Annotated[
        list[str] | None,
        option("--a-env", "An environment variable for A. May be repeated.", _SIDES, "NAME=VALUE"),
    ] = None,
    b_env: Annotated[
        list[str] | None,
        option("--b-env", "An environment variable for B. May be repeated.", _SIDES, "NAME=VALUE"),
    ] = None,
    most: Annotated[
        int, option("--max-launches", "The most launches for each side; an even number.", _EFFORT)
    ] = 24,
    budget: Annotated[
        float,
        option("--budget", "Time limit for measuring. The first round always runs.", _EFFORT, "SECONDS"),
    ] = 1800.0,
    gate: Annotated[
        list[str] | None,
        option(
            "--gate",
            "As for check. Default: speedup=3% and words_per_s=3%; throughput=3% if the model counts no words.",
            _VERDICT,
            "METRIC=3%",
        ),
    ] = None,
    allow_inconclusive: Annotated[
        bool, option("--allow-inconclusive", "Exit with 0 if noise hides the answer.", _VERDICT)
    ] = False,
    allow_mismatch: Annotated[
        list[str] | None,
        option(
            "--allow-mismatch",
            "Let a field differ that is not a part of the plan, such as dtype. May be repeated.",
            _VERDICT,
            "FIELD",
        ),
    ] = None,
    junit: Annotated[
        Path | None, option("--junit", "Also write the verdict as JUnit XML.", _OUTPUT, "FILE")
    ] = None,
    folder: Annotated[
        Path | None, option("--output -o", "Folder for the two records. Default: results/ab.", _OUTPUT)
    ] = None,
    json: Annotated[bool, option("--json", "Print the comparison as JSON.", _OUTPUT)] = False,
    quiet: Annotated[bool, option("--quiet", "Show no progress and no notices.", _OUTPUT)] = False,
) -> int:
    """Measure two sides in turn, A B B A, until the verdict is conclusive; the exit code is the verdict, as for check.

    Each launch is a verified run of its own. The error rate of 5 % holds for the
    whole session, however often the verdict is looked at.

    pipebench ab --a-run "--schedule gpipe" --b-run "--schedule 1f1b" -- --gpus 8

    Two refs of your own repository, each with its own model.py:

    pipebench ab --a main --b HEAD -- --model bench/model.py:build --gpus 4

    Two models with the same interface:

    pipebench ab --a-model old.py:build --b-model new.py:build -- --gpus 4

    Two versions of pipebench, in its repository:

    pipebench ab --a main --b HEAD -- --gpus 8 --preset tiny

    Two environments:

    pipebench ab --a-python old/bin/python --b-python new/bin/python -- --gpus 8
    """
    from pipebench.ab.asked import Asked
    from pipebench.ab.interleaving import Effort
    from pipebench.ab.session import Session
    from pipebench.launching.rendezvous import alone

    report = ci.Report("ab", junit)
    ci.check_junit(junit)
    with ci.errors_in_junit(report):
        alone.check_alone("ab", sys.argv[1:], os.environ)
        session = Session(
            asked=(
                Asked(a_run, a_ref, a_python, a_env or (), a_model),
                Asked(b_run, b_ref, b_python, b_env or (), b_model),
            ),
            common=common or (),
            effort=Effort(most, budget),
            gates=gate or (),
            allowed=allow_mismatch or (),
            folder=folder or _FOLDER,
        )
        return gated.concluded(session, report, allow_inconclusive=allow_inconclusive, json=json, quiet=quiet)
