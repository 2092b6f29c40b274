"""The explanation of a record: its waterfall in words, its replay, and what a change would bring. Pure."""

from collections.abc import Sequence
from math import prod

from pipebench.diagnosis import single_changes
from pipebench.diagnosis.remedies import Remedies
from pipebench.diagnosis.retold import gain_of_sharing
from pipebench.diagnosis.sentences import Sentences
from pipebench.diagnosis.step import Step, step_of
from pipebench.errors import UsageError
from pipebench.records.explanation import ExplanationRecord, ReplayedStep, ReplayRecord, WaterfallStep
from pipebench.records.run import RunRecord


def explanation(record: RunRecord, name: str, changes: Sequence[str] = ()) -> ExplanationRecord:
    """Explain a run.

    Args:
        record: the record of the run.
        name: the name by which the record can be found again.
        changes: what to try, in words; if there are none, the ten best single changes are found.

    Raises:
        UsageError: The run has no step to explain, or a change does not fit this step.
        CorruptRecordError: Its timeline does not fit its configuration.
    """
    step = step_of(record)
    if step is None or record.bubble is None:
        raise UsageError(
            f"{record.id}: {record.status}, without a complete launch: there is no step to explain"
        )
    steps = steps_of(record, step, name)
    return ExplanationRecord(
        record=record.id,
        status=record.status,
        device=record.device.kind,
        clock=record.clock,
        speedup=prod(each.factor for each in steps),
        waterfall=steps,
        bubble=record.bubble,
        devices=record.devices,
        replay=ReplayRecord(
            steps=[
                ReplayedStep(
                    step=0,
                    replica=0,
                    measured_s=step.timeline.makespan_s,
                    simulated_s=step.replay.again.makespan_s,
                )
            ]
        ),
        what_if=single_changes.asked(step.recorded, changes)
        if changes
        else single_changes.best(step.recorded),
        warnings=record.warnings,
    )


def steps_of(record: RunRecord, step: Step, name: str) -> list[WaterfallStep]:
    """The waterfall, with what each step stands for and what would win it back."""
    remedies = Remedies(record, step, name=name, gain_of_sharing=gain_of_sharing(record, step.timeline))
    factors = step.waterfall
    sentences = Sentences(record, step, dict(factors))
    found = []
    for factor in factors:
        remedy = remedies.of(factor.step, factor.factor)
        found.append(
            WaterfallStep(
                step=factor.step,
                factor=factor.factor,
                what=sentences.of(factor.step),
                remedy=remedy.text if remedy is not None else None,
                gain=remedy.gain if remedy is not None else None,
                command=remedy.command if remedy is not None else None,
            )
        )
    return found
