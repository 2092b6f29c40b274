from pathlib import Path

import msgspec
import pytest

from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.gates import check, exit_code_of_comparison, gates_from
from pipebench.errors import ExitCode, UsageError
from pipebench.records.launches import Launch, PipelineSamples
from pipebench.records.run import RunRecord
from pipebench.records.selection import Source
from tests.builders import ended_run, measured_record, steady_record, with_config


def source(record: RunRecord) -> Source:
    return Source(record, Path("x.json"))


def code(current: RunRecord, *, allow_inconclusive: bool = False, **rules: object) -> ExitCode:
    baseline = source(steady_record())
    record = check(source(current), baseline, Rules(**rules), allow_inconclusive=allow_inconclusive)
    assert record.gate is not None
    assert record.gate.allow_inconclusive == allow_inconclusive
    return ExitCode(record.gate.exit_code)


ABORTED = ended_run(steady_record())


@pytest.mark.parametrize("allowed", [False, True])
def test_only_what_is_certain_to_be_no_worse_passes(allowed: bool) -> None:
    assert code(steady_record(), allow_inconclusive=allowed) is ExitCode.DONE
    assert code(steady_record(0.9), allow_inconclusive=allowed) is ExitCode.DONE
    assert code(steady_record(1.1), allow_inconclusive=allowed) is ExitCode.REGRESSION
    assert code(with_config(steady_record(), hidden=7), allow_inconclusive=allowed) is ExitCode.NOT_COMPARABLE
    assert code(ABORTED, allow_inconclusive=allowed) is ExitCode.MISSING


def test_noise_is_inconclusive_unless_that_is_allowed() -> None:
    few = msgspec.structs.replace(steady_record(), launches=steady_record().launches[:3])
    assert code(few) is ExitCode.INCONCLUSIVE
    assert code(few, allow_inconclusive=True) is ExitCode.DONE


def test_a_bubble_out_of_nothing_is_no_noise() -> None:
    def waiting(share: float) -> RunRecord:
        def busy(launch: Launch) -> Launch:
            work = [(1 - share) * 2 * step for step in launch.pipeline.step_s]
            return msgspec.structs.replace(launch, pipeline=PipelineSamples(launch.pipeline.step_s, work))

        return measured_record([busy(launch) for launch in steady_record().launches])

    gates = Rules(gates={"bubble_fraction": 0.03})
    for reference, current, expected in ((0.0, 0.5, 4), (0.0, 0.0, 0), (0.5, 0.0, 4)):
        record = check(source(waiting(current)), source(waiting(reference)), gates, allow_inconclusive=True)
        assert record.gate is not None
        assert record.gate.exit_code == expected


def test_the_worst_gated_metric_decides() -> None:
    """A regression of the words/s stands beside a memory that nobody measured."""
    gates = {"words_per_s": 0.03, "peak_memory_bytes": 0.03}
    assert code(steady_record(1.1), gates=gates) is ExitCode.REGRESSION
    assert code(steady_record(), gates=gates) is ExitCode.MISSING
    assert code(steady_record(), gates=gates, allow_inconclusive=True) is ExitCode.MISSING


def test_the_baseline_is_the_reference() -> None:
    record = check(source(steady_record(1.1)), source(steady_record()))
    assert record.metrics["step_s"].change == pytest.approx(0.1)


def test_a_comparison_is_made_when_one_candidate_could_be_compared() -> None:
    base, other = steady_record(), with_config(steady_record(), hidden=7)

    def found(*candidates: RunRecord) -> ExitCode:
        return exit_code_of_comparison(compare([source(base), *map(source, candidates)]))

    assert found(steady_record(1.1)) is ExitCode.DONE
    assert found(other, base) is ExitCode.DONE
    assert found(other) is found(other, ABORTED) is ExitCode.NOT_COMPARABLE
    assert found(ABORTED) is ExitCode.MISSING


def test_gates_are_metrics_with_percentages() -> None:
    assert gates_from(["words_per_s=5%", "step_s=0.5%"]) == {"words_per_s": 0.05, "step_s": 0.005}
    assert gates_from([]) == {}  # the default gates hang on what the records count
    with pytest.raises(UsageError, match="--gate speedup: given more than once"):
        gates_from(["speedup=3%", "speedup=4%"])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "=3%",
            "speedup=1_0%",
            "speedup=\u0663%",
            "speedup=1e1%",
            "speed=3%",
            "speedup",
            "speedup=",
            "speedup=%",
            "speedup=3",
            "speedup=-3%",
            "speedup=0%",
        ),
        *("speedup=100%", "speedup=99.1%", "speedup=inf%", "speedup=nan%", "speedup=3%%", "speedup = 3%"),
    ],
)
def test_what_is_no_gate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--gate"):
        gates_from([text])
