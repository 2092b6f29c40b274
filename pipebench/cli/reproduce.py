"""``pipebench reproduce``: the result of 2014 once more, with a verdict."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import completing, no_effect, output
from pipebench.errors import (
    DeadlineError,
    EnvironmentRefusedError,
    InterruptedRunError,
    PipebenchError,
    RunFailedError,
    TerminatedRunError,
    UsageError,
)
from pipebench.plan.device_kind import DeviceKind

if TYPE_CHECKING:
    from pipebench.records.reproduction import ReproductionRecord
    from pipebench.reproduction.measuring import Reproduction

_FORMATS = ("page", "json", "md")
_LEAST_BUDGET_S, _MOST_BUDGET_S = 1.0, 7 * 24 * 3600.0


def reproduce(
    context: typer.Context,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate", help="Only on paper: the machine of 2014, fitted to one GPU. Takes seconds."
        ),
    ] = False,
    budget: Annotated[
        float,
        typer.Option(
            "--budget",
            metavar="SECONDS",
            help="Time limit for measuring. At least three launches of each pipeline always run.",
        ),
    ] = 240.0,
    form: Annotated[
        str,
        typer.Option(
            "--format", help=f"One of {', '.join(_FORMATS)}.", autocompletion=completing.among(*_FORMATS)
        ),
    ] = "page",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the record. Default: results/runs.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress and no notices.")] = False,
) -> int:
    """Measure the result of 2014 again: a pipeline over 8 devices against one device.

    The claim has two readings. The talk: a layer on each of 8 GPUs, 3.5x. The
    paper: 6,300 words/s, and 1,700 on one GPU. Only 8 real GPUs at full size can
    reproduce it. Emulated devices can only be consistent with it, or not.

    pipebench reproduce

    pipebench reproduce --format md > reproduction.md

    pipebench reproduce --simulate
    """
    if form not in _FORMATS:
        raise UsageError(f"--format {form!r}: expected one of {', '.join(_FORMATS)}")
    if json and form not in ("page", "json"):
        raise UsageError(f"--json and --format {form} exclude each other: leave one out")
    if not _LEAST_BUDGET_S <= budget <= _MOST_BUDGET_S:
        raise UsageError(
            f"--budget must be a number of seconds from {_LEAST_BUDGET_S:.0f} to {_MOST_BUDGET_S:.0f}, got {budget}"
        )
    form = "json" if json else form
    if not quiet:
        no_effect.tell(context)
    return _simulate(folder, form) if simulate else _measure(folder, budget, form, quiet=quiet)


def _simulate(folder: Path | None, form: str) -> int:
    """Print the result on paper; keep it only if a folder is named."""
    from pipebench.records import store
    from pipebench.reproduction.simulating import simulated

    if folder is not None:
        store.check_folder(folder)
    record = simulated()
    kept = (None, None) if folder is None else _kept(record, folder)
    return _told(record, form, *kept)


def _measure(folder: Path | None, budget_s: float, form: str, *, quiet: bool) -> int:
    from pipebench.launching.rendezvous import alone
    from pipebench.records import store
    from pipebench.render.progress import ProgressView
    from pipebench.reproduction.measuring import Reproduction
    from pipebench.reproduction.readings import DEVICES, pipelines
    from pipebench.run.devices import has_gpus
    from pipebench.system.signals import orderly_end

    alone.check_alone("reproduce", sys.argv[1:], os.environ)
    target = folder or store.DEFAULT_FOLDER
    real = has_gpus(DEVICES)
    with orderly_end(), ProgressView(output.stderr(), quiet=quiet) as view:
        reproduction = Reproduction(
            pipelines(DeviceKind.CUDA if real else DeviceKind.EMULATED, full_size=real),
            view,
            budget_s=budget_s,
        )
        try:
            record, error = _measured(reproduction, target)
        except PipebenchError:
            raise
        except Exception as bug:
            _rescue(reproduction, target, bug)
            raise
    return _told(record, form, *_kept(record, target), error)


def _measured(
    reproduction: "Reproduction", folder: Path
) -> tuple["ReproductionRecord", PipebenchError | None]:
    """The record, and what ended it if it did not complete; what was measured is kept whatever ends it."""
    from pipebench.run import ending

    try:
        reproduction.prepare(folder)
        reproduction.measure()
        return reproduction.record(), None
    except (InterruptedRunError, TerminatedRunError, DeadlineError) as error:
        return reproduction.ended("aborted", error), error
    except (PipebenchError, OSError) as error:
        told = error if isinstance(error, PipebenchError) else ending.refusal(error)
        if not isinstance(error, RunFailedError) and not reproduction.launches:
            raise told from None
        return reproduction.ended("failed", told), told


def _rescue(reproduction: "Reproduction", folder: Path, bug: Exception) -> None:
    """Keep what was measured though pipebench itself broke; notes below the bug's traceback say where it is."""
    from pipebench.run import ending

    if not reproduction.launches:
        return
    path, trouble = _kept(reproduction.ended("failed", bug), folder)
    ending.note(bug, path, trouble, reproduction.launches)


def _kept(record: "ReproductionRecord", folder: Path) -> tuple[Path | None, str | None]:
    """Store the record; its path, and why it is not in its folder."""
    from pipebench.records import keeping, store

    return keeping.kept_somewhere(partial(store.write, record), folder, f"{record.id}.json")


def _told(
    record: "ReproductionRecord",
    form: str,
    path: Path | None,
    trouble: str | None,
    error: PipebenchError | None = None,
) -> int:
    """Print the record; the exit code."""
    from pipebench.records import documents

    if form == "json":
        output.print_json(documents.encode(record))
    elif form == "md":
        from pipebench.render.reproduction.page import markdown

        output.print_text(markdown(record))
    else:
        from pipebench.render.reproduction.page import report

        output.print_report(partial(report, record))
    if error is not None:
        output.complain(str(error))
    if path is not None and form != "json":
        output.notice(f"record: {output.show_command(path)}")
    if trouble is not None:
        raise EnvironmentRefusedError(trouble)
    return 0 if error is None else int(error.exit_code)
