"""From the options of a run to its configuration; first a separate process describes layers of the user's own.

This process never imports the user's code. What that code does, and how long it takes, affects the other one alone.
"""

import time
from collections.abc import Callable
from contextlib import closing

from pipebench.config.choices import check_choices
from pipebench.config.resolving import preset_of, resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.errors import DeadlineError, RunFailedError, UsageError
from pipebench.launching import messages
from pipebench.launching.launcher import Launcher
from pipebench.launching.phases import Phase
from pipebench.models.own.description import Description
from pipebench.models.references import is_own
from pipebench.models.registry import kind_of
from pipebench.plan.schedules import schedule_named
from pipebench.run.devices import check_system

_DEADLINE_S = 600.0  # of a description, where the run has none


def resolved(options: RunOptions, tell: Callable[[str], None], *, began: float | None = None) -> RunConfig:
    """The configuration of the run that is asked for, with every value decided.

    Args:
        options: the options as they were given.
        tell: takes the name of what takes long.
        began: when the run began, on the ``time.monotonic`` clock; now by default.

    Raises:
        UsageError: A value is out of range, the user's layers cannot be pipelined as they are, or end the process
            that looks at them.
        EnvironmentRefusedError: This system cannot start a process that loads them.
        DeadlineError: The deadline passed before they were described.
    """
    if not is_own(options.model):
        return resolve(options)
    check_system("run")
    check_choices(options)
    preset_of(options, kind_of(options.model))
    schedule_named(options.schedule)
    tell(f"looking at the layers of {options.model}")
    return resolve(options, _described(options, time.monotonic() if began is None else began))


def _described(options: RunOptions, began: float) -> Description:
    launcher = Launcher(deadline=began + (options.deadline_s or _DEADLINE_S))
    description, doing = None, Phase.START.words
    try:
        with closing(launcher.run(messages.Describing(options=options))) as reports:
            for message in reports:
                match message:
                    case messages.Progress():
                        doing = message.detail
                    case messages.Described():
                        description = message.description
    except DeadlineError:
        raise DeadlineError(
            f"the deadline passed while looking at --model {options.model} ({doing}): give more time with --deadline"
        ) from None
    except RunFailedError as error:
        raise UsageError(
            f"--model {options.model}: the process that looked at it ended while {doing}: {error}"
        ) from None
    assert description is not None, "a process that ends well has described the layers"
    return description
