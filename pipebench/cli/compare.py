"""``pipebench compare``: records side by side, with a verdict on each metric."""

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import ci, completing, no_effect, output
from pipebench.errors import UsageError

if TYPE_CHECKING:
    from pipebench.records.comparison import ComparisonRecord

_FORMATS = ("table", "json", "md", "csv", "html", "junit", "github")


def compare(
    context: typer.Context,
    records: Annotated[
        list[str],
        typer.Argument(
            metavar="A B [C ...]",
            autocompletion=completing.records_and_baselines,
            help="Records: files, ids, folders (their newest completed run), latest, latest~1, or "
            "names of saved baselines. The others are compared with the first one.",
        ),
    ],
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            autocompletion=completing.among("schedule", "gpus"),
            help="What a study varies: schedule or gpus. A folder then stands for one run of each kind in it.",
        ),
    ] = None,
    allow_mismatch: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-mismatch", metavar="FIELD", help="Let a field differ, such as dtype. May be repeated."
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", help=f"One of {', '.join(_FORMATS)}.", autocompletion=completing.among(*_FORMATS)
        ),
    ] = "table",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of records. Default: results/runs.")
    ] = None,
) -> int:
    """Compare records with the first one: value, change with its interval, verdict.

    A verdict comes from the raw samples of the launches. It is improvement, same,
    regression, or inconclusive, with the number of launches that it takes.

    Exit code 0: there is a comparison, whatever its verdict. 5: not comparable.
    9: not measured. 10: corrupt record.

    pipebench compare latest~1 latest

    pipebench compare results/wavefront --by schedule --format md
    """
    report = ci.Report("compare")
    if form not in _FORMATS:
        raise UsageError(f"--format {form!r}: expected one of {', '.join(_FORMATS)}")
    if json and form not in ("table", "json"):
        raise UsageError(f"--json and --format {form} exclude each other: leave one out")
    from pipebench.comparison import calibration, gates, sources
    from pipebench.comparison.compare import Rules
    from pipebench.comparison.compare import compare as compare_records
    from pipebench.comparison.fields import named_field
    from pipebench.records import store

    kind = sources.by_named(by)
    allowed = frozenset(map(named_field, allow_mismatch or ()))
    found = sources.compared(records, folder or store.DEFAULT_FOLDER, kind, allowed)
    no_effect.tell(context)
    record = compare_records(found, Rules(allowed=allowed, by=kind))
    record = calibration.with_warnings(record, found[0].record)
    _print(record, "json" if json else form, report)
    if kind is None:
        _suggest_a_study(record, records, folder)
    return gates.exit_code_of_comparison(record)


def _suggest_a_study(record: "ComparisonRecord", names: Sequence[str], folder: Path | None) -> None:
    """The command that lays records side by side which differ in nothing but what a study varies."""
    from pipebench.comparison.overall import comparisons_of
    from pipebench.comparison.run_fields import VARIED, VARIES
    from pipebench.system import pasting

    differing = {each.field for compared in comparisons_of(record) for each in compared.mismatches}
    for varied, passing in VARIED.items():
        if VARIES[varied] in differing and differing <= passing:
            where = pasting.option("-o", str(folder)) if folder is not None else []
            again = pasting.command("compare", *map(pasting.path_word, names), "--by", varied, *where)
            output.notice(f"pipebench: they differ in {_differing(differing, varied)}; side by side: {again}")
            return


def _differing(fields: Collection[str], varied: str) -> str:
    """What differs where a study may lay it side by side: what it varies, then what may vary with it."""
    from pipebench.comparison.going_on import short_name
    from pipebench.comparison.run_fields import HARD, VARIES

    beside = [short_name(name) for name in HARD if name in fields and name != VARIES[varied]]
    if not beside:
        return f"the {varied} alone"
    *most, last = [f"the {varied}", *beside]
    return f"{', '.join(most)} and {last}, which may all differ with --by {varied}"


def _print(record: "ComparisonRecord", form: str, report: ci.Report) -> None:
    if form in ("table", "json"):
        ci.print_comparison(record, json=form == "json")
    elif form in ("html", "junit"):
        output.print_markup(_written(record, form, report))
    else:
        _export(_written(record, form, report), form)


def _export(text: str, form: str) -> None:
    """Print it for its reader; what that one would misread is said on stderr."""
    from pipebench.render.comparison import readers

    encoding = sys.stdout.encoding or "utf-8"
    output.print_text(readers.encodable(form, text, encoding))
    point = readers.decimal_point() if form == "csv" else "."
    for line in readers.misreadings(form, text, encoding=encoding, decimal_point=point):
        output.notice(f"pipebench: --format {form}: {line}")


def _written(record: "ComparisonRecord", form: str, report: ci.Report) -> str:
    if form == "html":  # what makes pages is imported for them alone
        from pipebench.render.comparison.page import page

        return page(record)
    from pipebench.render.comparison import github, junit, markdown, spreadsheet

    return {
        "md": markdown.markdown,
        "csv": spreadsheet.spreadsheet,
        "junit": lambda record: junit.junit(record, report.ran()),
        "github": github.annotations,
    }[form](record)
