"""The report of ``explain``: the waterfall, what its steps mean, the replay, and what a change would bring."""

import re
from collections.abc import Iterator, Sequence

from rich.console import Console, Group
from rich.text import Text

from pipebench.plurals import counted
from pipebench.records.explanation import ExplanationRecord, WhatIf
from pipebench.records.figures import Speedup
from pipebench.records.run import RunRecord
from pipebench.records.terms import terms_of
from pipebench.render.head import ended, head
from pipebench.render.layout import Facts, Table, Words
from pipebench.render.tables import spaced
from pipebench.render.units import percent, seconds
from pipebench.render.waterfall import Waterfall, reasons
from pipebench.warning_codes import WarningCode

# Warnings of a run that the factors explain better.
_OF_ITS_PLAN = {WarningCode.IMBALANCE, WarningCode.SLOWER_THAN_ONE_DEVICE, WarningCode.SHARING_SLOWS}
_RULE = re.compile(r"=\s*(mean|median|others)\b", re.IGNORECASE)
_EVIDENCE = {"virtual": "virtual time", "wall": "wall clock", "simulated": "simulated"}


def explanation_report(
    explained: ExplanationRecord,
    record: RunRecord,
    console: Console,  # noqa: ARG001 - as the other reports
) -> Group:
    """The whole explanation, with what ran, as wide as the console."""
    return Group(
        *spaced(
            [
                Group(*head(record), *ended(record)),
                Waterfall(explained.waterfall),
                reasons(explained.waterfall),
                _facts(explained, record),
                what_if_table(explained.what_if, against_baseline=True),
            ]
        )
    )


def _facts(explained: ExplanationRecord, record: RunRecord) -> Facts:
    (replayed,) = explained.replay.steps
    off = replayed.simulated_s / replayed.measured_s - 1
    clock = _EVIDENCE[explained.clock]
    measured = [] if record.speedup is None else [("measured", _measured(record, record.speedup))]
    rows = [
        *measured,
        (
            "replay",
            f"the recorded step took {seconds(replayed.measured_s)} ({clock}); simulated again with its own order and "
            f"lengths it takes {seconds(replayed.simulated_s)}, {100 * off:+.2g} %",
        ),
        (
            "bubble",
            f"{percent(explained.bubble.fraction)} of all device time, recorded step only "
            f"({explained.bubble.definition})",
        ),
        (
            "factors",
            "multiply up to the measured speed-up. Each adds one thing to the same plan. First stands what the "
            "schedule loses if all devices and slices are alike, then unequal work, messages, and noise. Above 1: it "
            "helped",
        ),
    ]
    first = max(
        (step for step in explained.waterfall if step.gain is not None and step.command is not None),
        key=lambda step: step.gain or 0.0,
        default=None,
    )
    if first is not None:
        rows.append(("try first", f"what is said of {first.step}: it is predicted to gain most"))
    rows += [
        ("warning", f"{each.code}: {each.cause}")
        for each in explained.warnings
        if each.code not in _OF_ITS_PLAN
    ]
    return Facts(*rows)


def _measured(record: RunRecord, speedup: Speedup) -> str:
    """The speed-up that is explained, and how sure it is."""
    launches = counted(len(record.launches), "launch", "launches")
    told = f"speed-up {speedup.value:.2f}x{terms_of(record).relative}"
    if speedup.low is None or speedup.high is None:
        return f"{told}, no interval from {launches}"
    return f"{told}, 95 % interval {speedup.low:.2f} to {speedup.high:.2f} over {launches}"


def what_if_table(changes: Sequence[WhatIf], *, against_baseline: bool, steps: int = 1) -> Group | Words:
    """The step that each change would give, and the speed-up where the run has a baseline.

    Args:
        changes: what was tried.
        against_baseline: whether the run has one.
        steps: how many recorded steps, of all replicas, each change was tried on.
    """
    if not changes:
        return Words("no single change makes the step shorter by half a per cent or more")
    table = Table(
        "change",
        "a step",
        *(["times as fast", "speed-up"] if against_baseline else ["without it", "times as fast"]),
    )
    for each in changes:
        speedup = "-" if each.speedup is None else f"{each.speedup:.2f}x"
        gain = "-" if each.gain is None else f"{each.gain:.3f}"
        before = "-" if each.before_s is None else seconds(each.before_s)
        table.add(
            each.change, seconds(each.step_s), *([gain, speedup] if against_baseline else [before, gain])
        )
    of = "the recorded step" if steps == 1 else f"all {steps:,} recorded steps"
    title = Words(Text(f"what if: {of} simulated with one change", "bold"))
    return Group(title, table, *(Words(Text(note, "dim")) for note in _notes(changes, steps)))


def _notes(changes: Sequence[WhatIf], steps: int) -> Iterator[str]:
    if any("mean" in each.change for each in changes):
        yield (
            "= mean of one stage or device takes work away and gives it to no other; stages = mean shares all work out "
            "evenly"
        )
    if steps > 1 and any(_RULE.search(each.change) for each in changes):
        yield (
            "means and medians are over all recorded steps and replicas, so a step that differs from them changes too"
        )
    if len({each.before_s for each in changes}) > 1:
        yield "a change of a link is tried on the step with its messages, all others on forwards and backwards alone"
