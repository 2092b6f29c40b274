"""The error for devices that wait for each other."""

from pipebench.plan.check import PlanError


class DeadlockError(PlanError):
    """The devices wait for each other; the text names what each one waits for."""
