"""What a launch is told (a job, as msgpack) and what it reports (messages, one JSON line each). Pure.

No pickle is used: jobs and messages are checked against these types.
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
        """The form as text, such as ``chain-microbatches x4``."""
        return f"{self.kind} x{self.microbatches}" if self.microbatches > 1 else self.kind


class Task(StrEnum):
    """What the processes of a job are to do: measure baseline and pipeline, or what must be known before."""

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
    patience_s: float = 3600.0  # limit of a wait for a message: later than the deadline
    baseline_device: int = 0  # the GPU of median speed, once that is known
    link: MeasuredLink | None = None  # this machine's link, if it is needed
    beside: tuple[RunConfig, ...] = ()  # more pipelines of the same model, against the same baseline

    def of(self, config: RunConfig) -> "Job":
        """The same job for one of the pipelines in ``beside``."""
        return msgspec.structs.replace(self, config=config, beside=())

    @property
    def ranks(self) -> int:
        """How many processes the task takes.

        A launch takes one for each device, or one that emulates them all. Layers take one, or one for each GPU. Actions
        take one, and a link takes two.
        """
        layers = self.config.ranks if self.config.kind.has_gpu else 1
        return {Task.LAUNCH: self.config.ranks, Task.LAYERS: layers, Task.COSTS: 1, Task.LINK: 2}[self.task]

    def plan(self) -> Plan:
        """The plan that the launch runs, with its transfers."""
        return add_transfers(self.config.plan)


class Describing(msgspec.Struct, frozen=True, kw_only=True, tag_field="work", tag="describing"):
    """The job of a process that loads the user's own layers and describes them."""

    options: RunOptions
    patience_s: float = 3600.0
    task: Literal["describing"] = "describing"

    @property
    def ranks(self) -> int:
        """How many processes it takes: one."""
        return 1


Work = Job | Describing


class Message(msgspec.Struct, frozen=True, tag_field="message"):
    """Base of what a launch reports."""


class Loaded(Message, frozen=True, tag="loaded"):
    """This process has all that it needs to begin: a fresh Python that runs pipebench and torch."""


class Progress(Message, frozen=True, tag="progress"):
    """The phase that the process is in, a detail in words, and the share of this launch's steps that are done."""

    phase: Phase
    share: float
    detail: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """Phase and detail in words for a person."""
        return (self.phase.words, self.detail) if self.detail else (self.phase.words,)


class Described(Message, frozen=True, tag="described"):
    """The description of the user's own layers."""

    description: Description


class LayerCosts(Message, frozen=True, tag="layer-costs"):
    """A quick measurement of every layer, in seconds of one training step, and of each GPU's speed."""

    layers: list[float]  # the first one includes what opens the model
    head: float  # 0 if the model has no head
    speeds: list[float] = []  # steps per second of each GPU; empty if they are not known, or there is one GPU


class ActionCosts(Message, frozen=True, tag="action-costs"):
    """A quick measurement of every action, for a schedule that orders by costs; ``found`` is as in ``Raced``.

    ``costs`` are ``None`` if one device cannot hold what the measurement needs.
    """

    costs: OrderCosts | None
    found: dict[str, bool]


class LinkTimes(Message, frozen=True, tag="link-times"):
    """The link between two processes of this machine."""

    link: MeasuredLink


class Verified(Message, frozen=True, tag="verified"):
    """The pipeline computed what the baseline computes.

    ``which``: 0 for the job's own pipeline, else a pipeline in ``beside``, counted from 1.
    """

    verification: Verification
    which: int = 0


class Raced(Message, frozen=True, tag="raced"):
    """The strongest form of the baseline, and the host's speed by it.

    With several GPUs, ``device`` is the one of median speed, which the race ran on, and ``device_flops_per_s`` has the
    speed of each GPU on the first form. ``found`` holds the choices that proved best for the model here, by name. The
    host's speed is ``None`` if nothing depends on it.
    """

    form: Form
    candidates: list[Candidate]
    host_flops_per_s: float | None
    device: int = 0
    device_flops_per_s: list[float] = []
    found: dict[str, bool] = {}
    too_big: list[str] = []  # forms that did not fit on the device
    baseline_partition: tuple[int, ...] | None = None  # of the naive schedule, if no form fitted

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

    ``which`` is as in ``Verified``.
    """

    launch: Launch
    timelines: list[TimelineRecord]
    which: int = 0


class Devices(Message, frozen=True, tag="devices"):
    """The names of the devices, in order; with several machines also each rank's place and the links between hosts."""

    names: list[str]
    ranks: list[RankRecord] = []
    links: list[HostLinkRecord] = []


class Environment(Message, frozen=True, tag="environment"):
    """Facts that only the measuring process knows, from an allow-list."""

    values: dict[str, str | int | float | bool | None]


class Failed(Message, frozen=True, tag="failed"):
    """A process broke; ``cause`` is one line, ``traceback`` has all lines.

    ``lost_peer``: the process lost the connection to another one, or never got it, so the culprit may be the other.
    ``refused``: this machine cannot do what was asked; ``usage``: the input is wrong.
    """

    cause: str
    traceback: str
    lost_peer: bool = False
    refused: bool = False
    usage: bool = False


class Done(Message, frozen=True, tag="done"):
    """This process has done all its work."""


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
