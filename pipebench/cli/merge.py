"""``pipebench merge``: the launches of one configuration, of several invocations, as one record with its interval."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import brief, completing, output
from pipebench.errors import EnvironmentRefusedError, ExitCode, UsageError
from pipebench.plurals import counted

if TYPE_CHECKING:
    from pipebench.records.command import Comparable
    from pipebench.records.comparison import Difference
    from pipebench.records.selection import Source

_SAME_ENVIRONMENT = frozenset(
    f"environment.{name}" for name in ("torch", "cuda", "cudnn", "nccl", "driver", "commit")
)


def merge(
    records: Annotated[
        list[str],
        typer.Argument(
            metavar="RECORD...",
            autocompletion=completing.records,
            help="Files, ids, latest, or folders. A folder stands for all its completed runs.",
        ),
    ],
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the record. Default: results/runs.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the record, and nothing else, on stdout.")
    ] = False,
) -> int:
    """Join the launches of several runs into one record with an interval. The runs must have one configuration.

    A run that torchrun or Slurm started is one launch, and one launch has no
    interval. So start it a few times, and join the records. compare, check and
    baseline take the joined record. Records of guard and of explain --from can be
    joined in the same way.

    Exit code 5: the configurations differ.

    pipebench merge results/cluster

    pipebench merge first.json second.json third.json -o results/joined
    """
    import msgspec

    from pipebench.comparison import fields, merging
    from pipebench.records import documents, keeping, store
    from pipebench.system import names

    sources = _sources(records)
    first = sources[0]
    for other in sources[1:]:
        if other.record.kind != first.record.kind:
            output.complain(_of_another_kind(first, other))
            return ExitCode.NOT_COMPARABLE
        found = [*fields.mismatches(first.record, other.record), *_other_work(first.record, other.record)]
        if found:
            each = found[0]
            output.complain(
                f"{names.path_text(other.path)} is not of the configuration of {names.path_text(first.path)}: "
                f"{each.field} {each.reference} -> {each.candidate}"
                + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")
                + "; merge runs that differ in nothing"
            )
            return ExitCode.NOT_COMPARABLE
    merged = msgspec.structs.replace(
        merging.merged([source.record for source in sources], "merged"),
        merged_from=[source.record.id for source in sources],
    )
    kept = keeping.keep(merged, folder or store.DEFAULT_FOLDER)
    if json:
        output.print_json(documents.encode(kept.record))
    else:
        _print(kept.record)
        output.print_text("\n")
        output.print_lines(
            [
                ("merged", f"{len(sources)} records, {len(merged.launches)} launches"),
                *brief.where(kept.record, kept.path),
            ]
        )
    if kept.trouble is not None:
        raise EnvironmentRefusedError(kept.trouble)
    return ExitCode.DONE


def _print(record: "Comparable") -> None:
    from pipebench.records.command import CommandRecord
    from pipebench.records.trace import TraceRecord
    from pipebench.render.brief import brief_report
    from pipebench.render.command import command_report
    from pipebench.render.trace import trace_report

    if isinstance(record, CommandRecord):
        output.print_report(partial(command_report, record))
    elif isinstance(record, TraceRecord):
        output.print_report(partial(trace_report, record))
    else:
        output.print_report(partial(brief_report, record))


def _of_another_kind(first: "Source", other: "Source") -> str:
    from pipebench.system.names import path_text

    return (
        f"{path_text(first.path)} is a {first.record.kind}, {path_text(other.path)} a {other.record.kind}: "
        "merge records of one kind"
    )


def _other_work(first: "Comparable", other: "Comparable") -> list["Difference"]:
    """What may drift between two sides that are compared, but not between launches of one."""
    from pipebench.comparison import command_fields, fields, trace_fields

    own = {*command_fields.DRIFT, trace_fields.REPLICAS}
    return [
        each
        for each in fields.drift(first, other)
        if each.field.startswith("config.") or each.field in {*_SAME_ENVIRONMENT, *own}
    ]


def _sources(names: list[str]) -> list["Source"]:
    """All records that are named, each once.

    Raises:
        UsageError: There are fewer than two, two of them hold the same launch, or one is not a completed run.
    """
    from pipebench.records.selection import COMPARABLE, Search, check_name, in_folder, select

    found: list[Source] = []
    for name in names:
        check_name(name)
        if Path(name).is_dir():  # joined records are made of the others there
            sources, passed_over = in_folder(Path(name), COMPARABLE)
            found += [each for each in sources if not each.record.merged_from]
            if passed_over:
                output.notice(
                    f"pipebench: {output.shown(Path(name))}: {counted(passed_over, 'record')} left out: "
                    "not completed, or unreadable"
                )
        else:
            found.append(select(name, Search(completed=False, kinds=COMPARABLE)))
    if len(found) < 2:
        raise UsageError(f"merge: expected two records or more, found {len(found)}")
    seen: dict[str, Path] = {}
    for source in found:
        for launch in _launches(source.record):
            other = seen.setdefault(launch, source.path)
            if other is not source.path:
                raise UsageError(
                    f"{source.path}: has launches that {other} has too, and a launch counts once: name one of them"
                )
        if source.record.status != "completed":
            raise UsageError(
                f"{source.path}: expected a completed run, this one is {source.record.status}: leave it out"
            )
    return found


def _launches(record: "Comparable") -> list[str]:
    """What tells its launches from those of others: ids, and of a recorded run what its files hold."""
    from pipebench.records.trace import TraceRecord

    files = [file.sha256 for file in record.files] if isinstance(record, TraceRecord) else []
    return [*(record.merged_from or [record.id]), *dict.fromkeys(files)]
