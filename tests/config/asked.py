"""Options as a user gives them, resolved or refused."""

from typing import Any

import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.errors import UsageError


def resolved(**options: Any) -> RunConfig:
    """A configuration of 8 devices with these options."""
    return resolve(RunOptions(**({"gpus": 8} | options)))


def refused(**options: Any) -> str:
    """The text with which these options are refused."""
    with pytest.raises(UsageError) as caught:
        resolved(**options)
    return str(caught.value)
