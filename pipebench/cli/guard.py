"""``pipebench guard``: any training command, two sides of it measured in turn, with a verdict."""

import os
import sys
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from pipebench.cli import ci, gated

_METRIC, _SIDES, _EFFORT = "Metric", "Sides (B is held against A)", "Effort"
_VERDICT, _OUTPUT = "Verdict", "Output"
_FOLDER = Path("results/guard")


def _help(name: str, text: str, panel: str, metavar: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        *name.split(), help=text, rich_help_panel=panel, metavar=metavar
    )
    return option


def guard(
    metric: Annotated[
        str,
        _help(
            "--metric",
            "The key of the command's JSON lines to watch; train.step_s is a key of a nested object.",
            _METRIC,
            "FIELD",
        ),
    ],
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND", help='What to run, after --. For a shell: -- sh -c "...".'),
    ] = None,
    skip: Annotated[
        int, _help("--skip", "Values at the start of each launch that do not count.", _METRIC, "N")
    ] = 1,
    higher_is_better: Annotated[
        bool | None,
        _help(
            "--higher-is-better/--lower-is-better",
            "Default: higher where the name ends in _per_s, else lower. A name that sounds otherwise needs one.",
            _METRIC,
        ),
    ] = None,
    a_ref: Annotated[
        str | None,
        _help("--a", "A git ref of the repository in this folder, with --b.", _SIDES, "REF"),
    ] = None,
    b_ref: Annotated[
        str | None,
        _help("--b", "Likewise; the command runs in a worktree of each.", _SIDES, "REF"),
    ] = None,
    a_env: Annotated[
        list[str] | None, _help("--a-env", "Environment variable of A. Repeatable.", _SIDES, "NAME=VALUE")
    ] = None,
    b_env: Annotated[
        list[str] | None, _help("--b-env", "Environment variable of B. Repeatable.", _SIDES, "NAME=VALUE")
    ] = None,
    most: Annotated[int, _help("--max-launches", "Launches a side at most; even.", _EFFORT)] = 24,
    budget: Annotated[
        float,
        _help(
            "--budget", "No round but the first begins that would end later than this.", _EFFORT, "SECONDS"
        ),
    ] = 1800.0,
    warm: Annotated[
        int,
        _help("--warm-launches", "Launches of each side before the first round, not counted.", _EFFORT, "N"),
    ] = 0,
    timeout: Annotated[
        float | None,
        _help("--timeout", "How long one launch may take. Default: as long as it likes.", _EFFORT, "SECONDS"),
    ] = None,
    gate: Annotated[
        str | None, _help("--gate", "The change that matters. Default: 3%.", _VERDICT, "FIELD=3%")
    ] = None,
    allow_inconclusive: Annotated[
        bool, _help("--allow-inconclusive", "Exit 0 where noise hides the answer.", _VERDICT)
    ] = False,
    junit: Annotated[Path | None, _help("--junit", "Write JUnit XML too.", _OUTPUT, "FILE")] = None,
    folder: Annotated[
        Path | None, _help("--output -o", "Folder for the two records. Default: results/guard.", _OUTPUT)
    ] = None,
    json: Annotated[bool, _help("--json", "Print the comparison as JSON.", _OUTPUT)] = False,
    quiet: Annotated[bool, _help("--quiet", "No progress and no notices.", _OUTPUT)] = False,
) -> int:
    """Measure two sides of any command in turn, A B B A, until the verdict is conclusive; the exit code is the verdict.

    The command prints lines such as {"step_s": 0.123} and ends by itself; it needs nothing of pipebench. A launch's
    value is the median of its lines. The error rate of 5 % holds over all looks at the verdict, as for ab.

    pipebench guard --metric step_s --a main --b HEAD -- python train.py

    pipebench guard --metric step_s --b-env NCCL_ALGO=Tree -- torchrun train.py

    Text before the JSON on its line is passed over, such as the rank that a launcher puts there. Let one rank print:
    what several print of one step counts as several values.

    With --a and --b each side runs in a worktree of its ref, in the folder that is yours. Files that git does not
    track are not there: name data by absolute paths, and code by relative ones. If python imports your package from
    where it is installed, both sides run the same code: say where it is, as in -- env PYTHONPATH=src python train.py.

    The command has your environment with the side's variables and PIPEBENCH_SIDE, which is A or B. Its stdin is empty.
    What it has started and left running is ended with it. The record holds the command, and of variables the names
    alone: put no password on the command line.
    """
    from pipebench.ab.asked import Asked
    from pipebench.ab.interleaving import Effort
    from pipebench.guard.commands import Measured
    from pipebench.guard.metric import metric_named
    from pipebench.guard.session import Session
    from pipebench.launching.rendezvous import alone

    report = ci.Report("guard", junit)
    ci.check_junit(junit)
    with ci.errors_in_junit(report):
        alone.check_alone("guard", sys.argv[1:], os.environ)
        session = Session(
            asked=(Asked(ref=a_ref, variables=a_env or ()), Asked(ref=b_ref, variables=b_env or ())),
            command=command or (),
            measured=Measured(
                metric_named(metric, higher_is_better=higher_is_better),
                skip,
                inf if timeout is None else timeout,
            ),
            effort=Effort(most, budget, warm),
            gate=gate,
            folder=folder or _FOLDER,
        )
        return gated.concluded(session, report, allow_inconclusive=allow_inconclusive, json=json, quiet=quiet)
