"""What is settled before the first launch, by separate launches: a balanced partition, an order by costs.

Whatever is settled is the same in every launch, and stands in the record.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import msgspec

from pipebench.config.run_config import RunConfig
from pipebench.errors import RunFailedError
from pipebench.launching import messages
from pipebench.launching.launcher import Launcher
from pipebench.models import partition
from pipebench.plan.check import check
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.run.listener import Doing, Listener
from pipebench.timing.costs import UniformCosts
from pipebench.timing.simulator import simulate


class Ordered(NamedTuple):
    """A configuration with its order, and where the costs that made it are from."""

    config: RunConfig
    costs: str


class Measurement(NamedTuple):
    """Launches that do not measure the pipeline, but what must be known to plan it."""

    launcher: Launcher
    listener: Listener

    def balanced(self, job: messages.Job) -> RunConfig:
        """Measure the layers, and the speed of each GPU if there are several, then decide the partition.

        Raises:
            RunFailedError: The launch broke, or ended without a result.
        """
        config = job.config
        for message in self._reports(job, messages.Task.LAYERS):
            if isinstance(message, messages.LayerCosts):
                config = _balanced(job.config, message)
        if config.partition is None:
            raise RunFailedError("measuring the layers ended without a result")
        return config

    def ordered(self, job: messages.Job) -> Ordered:
        """Measure what the actions of a job cost, and order the plan by that, once for all launches.

        Raises:
            RunFailedError: The launch broke, or ended without a result.
        """
        found = None
        for message in self._reports(job, messages.Task.COSTS):
            if isinstance(message, messages.ActionCosts):
                found = self._ordered(job.config, message)
        if found is None:
            raise RunFailedError("measuring the actions ended without a result")
        return found

    def _reports(self, job: messages.Job, task: messages.Task) -> Iterator[messages.AnyMessage]:
        """All that a launch for this task reports; its progress is told."""
        with closing(self.launcher.run(msgspec.structs.replace(job, task=task))) as reports:
            for message in reports:
                if isinstance(message, messages.Progress):
                    self.listener.progress(Doing.of(message.words), 0.0)
                yield message

    def _ordered(self, config: RunConfig, measured: messages.ActionCosts) -> Ordered:
        self.listener.progress(Doing("ordering the plan"), 0.0)
        if measured.costs is None:
            self.listener.notice(
                "all stages together do not fit on one device, so their actions could not be measured: the order is "
                "made from costs on paper"
            )
        plan = SCHEDULES[config.schedule].plan(
            config.graph, measured.costs, most_alive=config.most_alive, most_waiting=config.most_waiting
        )
        order = tuple(plan.csv().splitlines())
        config = msgspec.structs.replace(config, order=order, found=measured.found)
        check_plan(config)
        return Ordered(config, "on paper" if measured.costs is None else "measured")


def check_plan(config: RunConfig) -> None:
    """Check the plan and run it on paper before any device does."""
    plan = add_transfers(config.plan)
    check(plan)
    simulate(plan, UniformCosts(1, backward_input=1, backward_weight=1))


def _balanced(config: RunConfig, costs: messages.LayerCosts) -> RunConfig:
    """The configuration with a balanced partition; a slow device gets fewer layers."""
    counts = partition.balanced(
        config.row,
        costs.layers,
        config.chain_devices,
        head=costs.head if config.row.head else 0.0,
        speeds=partition.relative_speeds(costs.speeds)[: config.chain_devices],
    )
    return msgspec.structs.replace(config, partition=counts)
