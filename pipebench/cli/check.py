"""``pipebench check``: the gate of a CI job."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import ci, completing, no_effect, output
from pipebench.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipebench.comparison.compare import Rules
    from pipebench.records.comparison import ComparisonRecord


def check(
    context: typer.Context,
    current: Annotated[
        str | None,
        typer.Argument(
            metavar="CURRENT",
            autocompletion=completing.records,
            help="The run to check: a file, an id, a folder (its newest run) or latest.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="REFERENCE",
            autocompletion=completing.records_and_baselines,
            help="The run to compare it with, named in the same ways, or by the name of a saved baseline.",
        ),
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            "--gate",
            metavar="METRIC=3%",
            help="A metric to watch, with the change that matters. May be repeated. "
            "Default: speedup=3% and words_per_s=3%; throughput=3% if the model counts no words. Others: step_s, "
            "efficiency, bubble_fraction, busy_s (how long a device is busy), baseline_throughput or "
            "baseline_words_per_s (one device), peak_memory_bytes (on GPUs). Records of guard have the metric that "
            "the command prints. Runs of other programs have step_s=3%, bubble_fraction and busy_s.",
        ),
    ] = None,
    allow_inconclusive: Annotated[
        bool, typer.Option("--allow-inconclusive", help="Exit with 0 if noise hides the answer.")
    ] = False,
    allow_mismatch: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-mismatch", metavar="FIELD", help="Let a field differ, such as dtype. May be repeated."
        ),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Show that a slowdown, a missing metric and a corrupt file are found. They are tried on REFERENCE, or "
            "on a made-up run.",
        ),
    ] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write the verdict as JUnit XML.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of records. Default: results/runs.")
    ] = None,
) -> int:
    """Compare a run with another one; the exit code is the verdict.

    Exit code 0: not worse. 3: regression. 4: inconclusive. 5: not comparable.
    9: REFERENCE or a metric is missing. 10: corrupt record.

    pipebench check latest --against latest~1

    pipebench check results/ci --against baseline.json --gate words_per_s=5%
    """
    from pipebench.comparison import gates
    from pipebench.comparison.compare import Rules
    from pipebench.comparison.fields import named_field
    from pipebench.records import store

    report = ci.Report("check", junit)
    where = folder or store.DEFAULT_FOLDER

    if self_test:
        for option, unfit in (
            ("--junit", junit is not None),
            ("--allow-inconclusive", allow_inconclusive),
            ("--allow-mismatch", bool(allow_mismatch)),
        ):
            if unfit:
                raise UsageError(f"--self-test is no check of a run: leave out {option}")
        no_effect.tell(context)
        return _self_test(current, against, where, Rules(gates=gates.gates_from(gate or ())), json=json)
    ci.check_junit(junit)
    with ci.errors_in_junit(report):
        if current is None or against is None:
            raise UsageError("check: expected CURRENT and --against REFERENCE, or --self-test")
        no_effect.tell(context)
        allowed = frozenset(map(named_field, allow_mismatch or ()))
        record = _checked(current, against, where, gate or (), allowed, allow_inconclusive=allow_inconclusive)
    return ci.conclude(record, report, json=json)


def _checked(
    current: str,
    against: str,
    folder: Path,
    gate: "Sequence[str]",
    allowed: frozenset[str],
    *,
    allow_inconclusive: bool,
) -> "ComparisonRecord":
    from pipebench.comparison import calibration, gates, sources
    from pipebench.comparison.compare import Rules
    from pipebench.comparison.metrics import names_of

    run, baseline = sources.checked(current, against, folder, allowed)
    rules = Rules(gates=gates.gates_from(gate, names_of(run.record)), allowed=allowed)
    record = gates.check(run, baseline, rules, allow_inconclusive=allow_inconclusive)
    return calibration.with_warnings(record, baseline.record)


def _self_test(current: str | None, against: str | None, folder: Path, rules: "Rules", *, json: bool) -> int:
    from pipebench.comparison import sources
    from pipebench.comparison.self_test import self_test
    from pipebench.render.layout import lines

    result = self_test(sources.tried(current, against, folder), rules)
    if json:
        import msgspec

        output.print_json(msgspec.json.format(msgspec.json.encode(result.document())) + b"\n")
        return result.exit_code
    output.notice(f"tried on {result.tried_on}")
    output.print_report(lambda _: lines(trial.line() for trial in result.trials))
    if result.exit_code is ExitCode.INCONCLUSIVE:
        output.notice(
            "the noise of this record's own launches hides what was put in: a gate on it seldom fires; "
            "measure a quieter one (idle machine, --rigorous), or set a wider --gate"
        )
    return result.exit_code
