"""One ``pipebench ab`` from what was asked for to the record of the comparison."""

from collections.abc import Sequence
from functools import partial
from math import inf
from pathlib import Path

from pipebench.ab.asked import Both, check_asked, sides, varied
from pipebench.ab.interleaving import Effort, Interleaved
from pipebench.ab.options import values
from pipebench.ab.place import place
from pipebench.ab.sides import Side, check, launch
from pipebench.comparison.compare import Rules
from pipebench.comparison.fields import named_field
from pipebench.comparison.gates import gates_from
from pipebench.comparison.run_fields import MODEL
from pipebench.records import store
from pipebench.records.comparison import ComparisonRecord
from pipebench.run.devices import check_system
from pipebench.run.listener import Doing, Listener
from pipebench.system import pasting
from pipebench.system.supervision import supervised


class Session:
    """What was asked for, checked before anything is started.

    Args:
        asked: the two sides.
        common: options of ``run`` that both have.
        effort: how much may be measured.
        gates: ``METRIC=3%`` each.
        allowed: fields that may differ though the sides were not asked to.
        folder: where the two sides' records are kept.

    Raises:
        UsageError: One of the arguments is not what it should be.
    """

    def __init__(
        self,
        *,
        asked: Both,
        common: Sequence[str],
        effort: Effort,
        gates: Sequence[str],
        allowed: Sequence[str],
        folder: Path,
    ) -> None:
        self.asked, self.common, self.effort, self.folder = asked, common, effort, folder
        check_asked(asked)
        self.rules = Rules(gates=gates_from(gates), allowed=varied(asked) | set(map(named_field, allowed)))
        effort.check()

    def measure(self, listener: Listener, *, allow_inconclusive: bool) -> ComparisonRecord:
        """Measure both sides in turn; all that was temporary is gone at the end, whatever ends it.

        Raises:
            PipebenchError: A side is not there or refuses its options; nothing was measured.
            EndedError: A launch failed, or a signal came.
        """
        check_system("ab")
        store.check_folder(self.folder)
        with place() as folder, sides(self.asked, self.common, folder, listener.notice) as both:
            for side in both:
                with supervised(inf, lambda doing: listener.progress(Doing(doing), 0.0)) as phase:
                    phase(f"checking side {side.label}")
                    check(side)
                listener.notice(f"{side.label}: {side.text}")
            interleaved = Interleaved(both, partial(launch, place=folder), listener)
            record = interleaved.measure(
                self.effort, self.rules, self.folder, allow_inconclusive=allow_inconclusive
            )
        remedy = _remedy(record, both)
        if remedy is not None:
            listener.notice(remedy)
        return record


def _remedy(record: ComparisonRecord, both: tuple[Side, Side]) -> str | None:
    """How to compare two models, where nothing but the model differs; else ``None``."""
    differing = {each.field for each in record.mismatches}
    if not differing & {"config.model.name", "config.model.layers"} or not differing <= MODEL:
        return None
    words = [word for side in both for word in _asked_for(side)]
    named = f"{' '.join(words)} in place of --model, or " if len(words) == 4 else ""
    allowed = " ".join(f"--allow-mismatch {field}" for field in sorted(differing))
    return f"the sides have two models; if that is meant: {named}{allowed}"


def _asked_for(side: Side) -> list[str]:
    """Such as ``--a-model model.py:build``, if a model was named."""
    named = values(side.options, "--model")[-1:]
    return [f"--{side.label.lower()}-model", *map(pasting.quoted, named)] if named else []
