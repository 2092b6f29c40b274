"""What ``pipebench run`` does once its options are read: alone or as one of several ranks, to a record and a report."""

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from pipebench.cli import no_effect, output
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.timing.machines import LOCAL

if TYPE_CHECKING:
    from pipebench.cli.again import Again
    from pipebench.launching.company import Led
    from pipebench.records.keeping import Kept
    from pipebench.run.ending import RunEndedError


class How(NamedTuple):
    """What was asked for beside the run itself."""

    context: typer.Context
    folder: Path | None
    dry_run: bool
    remeasure: bool
    json: bool
    quiet: bool


def alone_or_joined(options: RunOptions, how: How, *, asked: int | None) -> int:
    """Measure, as one of several ranks if a launcher has started this process as such; the exit code.

    Args:
        options: as given.
        how: what was asked for beside the run's own options.
        asked: the devices that were asked for, if any were.

    Raises:
        PipebenchError: What ends the run.
    """
    from pipebench.launching.rendezvous import alone
    from pipebench.launching.rendezvous.several import as_told
    from pipebench.launching.rendezvous.told import told

    if (found := told(sys.argv[1:], os.environ)) is None:
        if not how.dry_run:
            alone.check_alone("run", sys.argv[1:], os.environ)
        return _lead(options, how, None)
    options = as_told(options, found, gpus=asked)
    if how.dry_run:
        return _lead(options, how, None) if found.rank == 0 else 0
    from pipebench.hosts.running import joined

    return joined(found, partial(_lead, options, how))


def _lead(options: RunOptions, how: How, company: "Led | None") -> int:
    """Do a run, as the process that leads it; the exit code."""
    from pipebench.cli.again import Again
    from pipebench.run.describing import resolved
    from pipebench.system.signals import orderly_end

    began = time.monotonic()
    with orderly_end():
        config = resolved(options, lambda doing: None if how.quiet else output.notice(doing), began=began)
    if how.remeasure and not config.needs_link:
        raise UsageError(f"--remeasure measures the link of --machine {LOCAL}: leave it out, or add that")
    if not how.quiet:
        no_effect.tell(how.context, **_decided(config))
    if how.dry_run:
        _dry_run(config, how)
        return 0
    return _run(Again(how.context, options, config), how, company, began=began)


def _decided(config: RunConfig) -> dict[str, object]:
    """What the rules on options without effect need to know of a run."""
    described = config.described
    return {
        "gpus": config.gpus,
        "microbatches": config.microbatches,
        "chunks": config.chunks,
        "slices": config.microbatches * config.chunks * config.outline.segments,
        "kind": config.device,
        "is_split": config.cell == "split",
        "nothing_to_split": described is not None and described.linear_layers == 0,
    }


def _dry_run(config: RunConfig, how: How) -> None:
    import msgspec

    from pipebench.cli.option_values import option_values
    from pipebench.run.dry_run import dry_run
    from pipebench.system.signals import orderly_end

    with orderly_end():
        document, timeline = dry_run(config, lambda doing: None if how.quiet else output.notice(doing))
    document = msgspec.structs.replace(document, options=option_values(how.context, config))
    if how.json:
        output.print_json(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
        return
    from pipebench.render.dry_run import dry_run_report

    output.print_report(partial(dry_run_report, document, timeline))


def _run(again: "Again", how: How, company: "Led | None", *, began: float) -> int:
    from pipebench.records import documents, keeping, store
    from pipebench.render.progress import ProgressView
    from pipebench.run import ending, experiment
    from pipebench.system.signals import orderly_end

    target = how.folder or store.DEFAULT_FOLDER
    try:
        with orderly_end(), ProgressView(output.stderr(), quiet=how.quiet) as view:
            done = experiment.run(
                again.config,
                folder=target,
                listener=view,
                remeasure=how.remeasure,
                began=began,
                company=company,
            )
            kept = keeping.Kept(*done, None)
    except ending.RunEndedError as error:
        return _ended(error, again.config, json=how.json)
    except ending.NotStoredError as error:
        kept = error.kept
    if how.json:
        output.print_json(documents.encode(kept.record))
    else:
        _report(kept, again)
    if kept.trouble is not None:
        raise EnvironmentRefusedError(kept.trouble)
    if output.is_lost() and kept.path is not None:
        output.notice(f"kept: {output.show_command(kept.path)}")
    return 0


def _ended(error: "RunEndedError", config: RunConfig, *, json: bool) -> int:
    """What a run that did not complete leaves behind; its exit code."""
    from pipebench.records import documents

    kept = error.kept
    if json:
        output.print_json(documents.encode(kept.record))
    output.complain(str(error.cause))
    if error.log is not None:
        output.notice(f"log of the culprit: {output.shown(error.log)}")
    if kept.trouble is not None:
        output.complain(kept.trouble)
    if kept.path is not None:
        launches = f"{error.launches} of {config.launches} launches"
        output.notice(f"kept: {launches}, {output.show_command(kept.path)}")
    return error.cause.exit_code


def _report(kept: "Kept", again: "Again") -> None:
    """The brief report, where its record is, and a command worth trying."""
    from pipebench.cli.brief import print_brief

    if sys.stdout.isatty():
        output.print_text("\n")
    print_brief(kept.run, kept.path, again.worth_trying(kept))
