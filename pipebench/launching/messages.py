"""What a launch is told (a job, as msgpack) and what it reports (messages, one JSON line each). Pure.

Neither is ever unpickled: both are checked against these types.
"""

from enum import StrEnum
from typing import Literal

import msgspec

from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.launching.phases import Phase
from pipebench.models.outline import FormKind
from pipebench.models.own.description import Description
from pipebench.models.pairs.data import PairData
from pipebench.models.text.data import Data
from pipebench.plan.order_costs import OrderCosts
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import add_transfers
from pipebench.records.devices import HostLinkRecord, RankRecord
from pipebench.records.figures import Candidate, Verification
from pipebench.records.launches import Launch
from pipebench.records.spans import TimelineRecord
from pipebench.timing.measured_link import MeasuredLink


class Form(msgspec.Struct, frozen=True):
    """A form of the baseline, with its microbatches."""

    kind: FormKind
    microbatches: int = 1

    def text(self) -> str:
        """Such as ``chain-microbatches x4``."""
        return f"{self.kind} x{self.microbatches}" if self.microbatches > 1 else self.kind


class Task(StrEnum):
    """What the processes of a job are to do: measure both sides, or what must be known before."""

    LAUNCH = "launch"
    LAYERS = "layers"
    COSTS = "costs"
    LINK = "link"


class Job(msgspec.Struct, frozen=True, kw_only=True, tag_field="work", tag="job"):
    """One launch. The first one verifies, races the baseline's forms and measures the host's speed."""

    config: RunConfig
    data: Data | PairData | None  # what the model was given, if the launch does not make it itself
    task: Task = Task.LAUNCH
    form: Form | None = None  # None: race
    host_flops_per_s: float | None = None  # None: measure
    patience_s: float = 3600.0  # of a wait for a message: beyond the deadline, which names the culprit
    baseline_device: int = 0  # the GPU of median speed, once that is known
    link: MeasuredLink | None = None  # of this machine, where it is needed
    beside: tuple[RunConfig, ...] = ()  # further pipelines of the same model, against the same baseline

    def of(self, config: RunConfig) -> "Job":
        """The same launch as one of the pipelines beside this one sees it."""
        return msgspec.structs.replace(self, config=config, beside=())

    @property
    def ranks(self) -> int:
        """Processes that the task takes: layers and actions are measured by one, each GPU by its own, a link by two."""
        layers = self.config.ranks if self.config.kind.has_gpu else 1
        return {Task.LAUNCH: self.config.ranks, Task.LAYERS: layers, Task.COSTS: 1, Task.LINK: 2}[self.task]

    def plan(self) -> Plan:
        """What the launch runs, with its transfers."""
        return add_transfers(self.config.plan)


class Describing(msgspec.Struct, frozen=True, kw_only=True, tag_field="work", tag="describing"):
    """A process that loads the user's own layers, and tells what they are."""

    options: RunOptions
    patience_s: float = 3600.0
    task: Literal["describing"] = "describing"

    @property
    def ranks(self) -> int:
        """One."""
        return 1


Work = Job | Describing


class Message(msgspec.Struct, frozen=True, tag_field="message"):
    """Base of what a launch reports."""


class Loaded(Message, frozen=True, tag="loaded"):
    """This process has all that it needs to begin: a fresh Python that runs pipebench and torch."""


class Progress(Message, frozen=True, tag="progress"):
    """What it is at now, what of that in words, and the share of this launch's steps that is done."""

    phase: Phase
    share: float
    detail: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """As a person is told, from large to small."""
        return (self.phase.words, self.detail) if self.detail else (self.phase.words,)


class Described(Message, frozen=True, tag="described"):
    """The user's own layers."""

    description: Description


class LayerCosts(Message, frozen=True, tag="layer-costs"):
    """A quick measurement of every layer, seconds of one training step each, and of the GPUs that are to have them."""

    layers: list[float]  # what opens the model is in the first one
    head: float  # 0 where the model has none
    speeds: list[float] = []  # steps a second of each GPU; none where they are not known, or there is one


class ActionCosts(Message, frozen=True, tag="action-costs"):
    """A quick measurement of every action, for a schedule that orders by them; ``found`` as the race finds it.

    ``costs`` are ``None`` where one device cannot hold what measuring them takes.
    """

    costs: OrderCosts | None
    found: dict[str, bool]


class LinkTimes(Message, frozen=True, tag="link-times"):
    """The link between two processes of this machine."""

    link: MeasuredLink


class Verified(Message, frozen=True, tag="verified"):
    """The pipeline computed what the baseline computes; ``which`` of the job's, the first one or one beside it."""

    verification: Verification
    which: int = 0


class Raced(Message, frozen=True, tag="raced"):
    """The strongest form of the baseline, and the host's speed by it.

    With several GPUs: the one it ran on, of median speed, and every one's speed on the first form. ``found`` is what
    was found to be best for the model here. The speed is ``None`` where nothing depends on it.
    """

    form: Form
    candidates: list[Candidate]
    host_flops_per_s: float | None
    device: int = 0
    device_flops_per_s: list[float] = []
    found: dict[str, bool] = {}
    too_big: list[str] = []  # forms that did not fit on the device
    baseline_partition: tuple[int, ...] | None = None  # of the naive schedule, where no form did

    @property
    def steps_s(self) -> list[float]:
        """Seconds of each step that the form took in the race."""
        won = (self.form.kind, self.form.microbatches)
        return [
            step_s
            for each in self.candidates
            if (each.kind, each.microbatches) == won
            for step_s in each.step_s
        ]


class Measured(Message, frozen=True, tag="measured"):
    """A complete launch of a pipeline, and the timelines of its steps nearest the median.

    ``which`` of the job's, the first one or one beside it.
    """

    launch: Launch
    timelines: list[TimelineRecord]
    which: int = 0


class Devices(Message, frozen=True, tag="devices"):
    """The names of the devices, in their order, and of several machines' ranks where they are and what lies between."""

    names: list[str]
    ranks: list[RankRecord] = []
    links: list[HostLinkRecord] = []


class Environment(Message, frozen=True, tag="environment"):
    """What only the measuring process knows, from an allow-list."""

    values: dict[str, str | int | float | bool | None]


class Failed(Message, frozen=True, tag="failed"):
    """A process broke; ``cause`` is one line, ``traceback`` the whole story.

    ``lost_peer``: it lost the connection to another one, which is then the culprit, or never had one.
    ``refused``: this machine cannot do it; ``usage``: what it was given is not what it should be.
    """

    cause: str
    traceback: str
    lost_peer: bool = False
    refused: bool = False
    usage: bool = False


class Done(Message, frozen=True, tag="done"):
    """This process has done all that it was started for."""


AnyMessage = (
    Loaded
    | Progress
    | Described
    | LayerCosts
    | ActionCosts
    | LinkTimes
    | Verified
    | Raced
    | Measured
    | Devices
    | Environment
    | Failed
    | Done
)
