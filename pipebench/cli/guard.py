"""``pipebench guard``: any training command, two sides of it measured in turn, with a verdict."""

import os
import sys
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from pipebench.cli import ci, gated
from pipebench.cli.panels import option

_METRIC, _SIDES, _EFFORT = "Metric", "Sides (B is compared with A)", "Effort"
_VERDICT, _OUTPUT = "Verdict", "Output"
_FOLDER = Path("results/guard")


def guard(
    metric: Annotated[
        str,
        option(
            "--metric",
            "The key to watch in the JSON lines of the command. train.step_s is a key of a nested object.",
            _METRIC,
            "FIELD",
        ),
    ],
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- COMMAND", help='The command to run, after --. Through a shell: -- sh -c "...".'
        ),
    ] = None,
    skip: Annotated[
        int, option("--skip", "How many values at the start of each launch do not count.", _METRIC, "N")
    ] = 1,
    higher_is_better: Annotated[
        bool | None,
        option(
            "--higher-is-better/--lower-is-better",
            "Which way is better. Default: higher if the name ends in _per_s, else lower. A name that sounds as if "
            "higher were better, such as throughput, needs one of the two.",
            _METRIC,
        ),
    ] = None,
    a_ref: Annotated[
        str | None,
        option("--a", "A git ref for A, of the repository in this folder; needs --b.", _SIDES, "REF"),
    ] = None,
    b_ref: Annotated[
        str | None,
        option("--b", "A git ref for B. The command runs in a worktree of each ref.", _SIDES, "REF"),
    ] = None,
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
    warm: Annotated[
        int,
        option("--warm-launches", "How many launches of each side run first and do not count.", _EFFORT, "N"),
    ] = 0,
    timeout: Annotated[
        float | None,
        option("--timeout", "How long one launch may take. Default: no limit.", _EFFORT, "SECONDS"),
    ] = None,
    gate: Annotated[
        str | None, option("--gate", "The change that matters. Default: 3%.", _VERDICT, "FIELD=3%")
    ] = None,
    allow_inconclusive: Annotated[
        bool, option("--allow-inconclusive", "Exit with 0 if noise hides the answer.", _VERDICT)
    ] = False,
    junit: Annotated[
        Path | None, option("--junit", "Also write the verdict as JUnit XML.", _OUTPUT, "FILE")
    ] = None,
    folder: Annotated[
        Path | None, option("--output -o", "Folder for the two records. Default: results/guard.", _OUTPUT)
    ] = None,
    json: Annotated[bool, option("--json", "Print the comparison as JSON.", _OUTPUT)] = False,
    quiet: Annotated[bool, option("--quiet", "Show no progress and no notices.", _OUTPUT)] = False,
) -> int:
    """Measure two sides of any command in turn, A B B A, until the verdict is conclusive; the exit code is the verdict.

    The command prints lines such as {"step_s": 0.123} and ends by itself. It need
    not use pipebench. The value of a launch is the median of its lines. As for
    ab, the error rate of 5 % holds for the whole session, however often the
    verdict is looked at.

    pipebench guard --metric step_s --a main --b HEAD -- python train.py

    pipebench guard --metric step_s --b-env NCCL_ALGO=Tree -- torchrun train.py

    Text before the JSON on a line is skipped, such as the rank that a launcher
    puts there. Let only one rank print. If several ranks print the same step, it
    counts as several values.

    With --a and --b each side runs in a worktree of its ref, in the same
    subfolder as you are in. Files that git does not track are not there. Give
    absolute paths to data, and relative paths to code. If Python imports your
    package from where it is installed, both sides run the same code. Then say
    where the code is: -- env PYTHONPATH=src python train.py.

    The command has your environment, the variables of its side, and
    PIPEBENCH_SIDE, which is A or B. Its stdin is empty. Processes that it leaves
    running are ended. The record holds the command, and only the names of the
    variables. So put no password on the command line.
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
