"""A command worth trying after a run: the same with another schedule, as it would be typed, or a look at the record."""

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import typer

from pipebench.cli import given, output
from pipebench.cli.brief import Next, explained
from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.errors import PipebenchError
from pipebench.plan.schedules import SCHEDULES
from pipebench.system import pasting
from pipebench.warning_codes import WarningCode

if TYPE_CHECKING:
    from pipebench.records.keeping import Kept

_OTHER_SCHEDULE = "wavefront"
# Of the run that was, not of the next: another schedule has slices, a cell and a length of its own, and the link is
# measured.
_LEFT_OUT = frozenset({"schedule", "microbatches", "chunks", "cell", "deadline", "remeasure"})
_SLICES = {"microbatches": "microbatches", "chunks": "chunks", "cell": "cell", "deadline_s": "deadline"}


class Again(NamedTuple):
    """A run as it was asked for."""

    context: typer.Context
    options: RunOptions
    config: RunConfig

    def worth_trying(self, kept: "Kept") -> Next | None:
        """What to type next; nothing while the folder cannot be written."""
        if kept.path is None or kept.trouble is not None:
            return None
        if kept.run.device.ranks:  # whoever started it starts the next one
            return Next(output.show_command(kept.path, "--json"), "all that was measured")
        slower = any(warning.code == WarningCode.SLOWER_THAN_ONE_DEVICE for warning in kept.record.warnings)
        if slower or SCHEDULES[self.config.schedule].chunks > 1 or not self._other_is_possible():
            return explained(kept.path)
        return Next(self._with_schedule(_OTHER_SCHEDULE), "pipelined over time as well")

    def _other_is_possible(self) -> bool:
        """Whether the other schedule has something to cut the time into, and this machine takes it."""
        from pipebench.run.devices import settled

        other = msgspec.structs.replace(
            self.options,
            schedule=_OTHER_SCHEDULE,
            **{name: None for name in _SLICES if not self._stays(name)},
        )
        try:
            config, _ = settled(resolve(other, self.config.described))
        except PipebenchError:
            return False
        return config.gpus > 1 and config.chunks > 1

    def _with_schedule(self, schedule: str) -> str:
        words = ["run"]
        for parameter in self.context.command.params:
            name = parameter.name or ""
            if name not in _LEFT_OUT and given.is_given(self.context, name):
                value = self.context.params[name]
                if isinstance(value, bool):  # what is switched off has a name of its own
                    words.append((parameter.opts if value else parameter.secondary_opts)[0])
                else:
                    words += pasting.option(parameter.opts[0], str(value))
        return pasting.command(*words, "--schedule", schedule)

    def _stays(self, name: str) -> bool:
        """Whether a file gives it to the next run as well."""
        return given.source(self.context, _SLICES[name]) == given.FILE
