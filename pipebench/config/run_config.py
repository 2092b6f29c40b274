"""What a run is asked to do: options as given, and the run that they are resolved into. Pure."""

from dataclasses import replace
from functools import lru_cache
from typing import Literal

import msgspec

from pipebench.models import partition as partitions
from pipebench.models.edges import usual_bytes
from pipebench.models.kind import Asked, Given
from pipebench.models.layout import (
    Layout,
    Sharing,
    chain_layout,
    chain_of,
    edges_of,
    graph_of,
    layout_of,
    shape_of,
    shard_weights,
)
from pipebench.models.outline import Outline, Row
from pipebench.models.registry import DEFAULT_MODEL, outline_of
from pipebench.models.shards import Pieces
from pipebench.plan.device_kind import DeviceKind
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan, plan_from_csv
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.machines import LOCAL

DEFAULT_MACHINE = "2014"
MOST_DEADLINE_S = 366 * 24 * 3600.0  # a year; what waits for messages cannot take just any number of seconds
EMULATION_ORDERS = ("device", "dependence")  # the first one is the default
AUTO = "auto"  # a kind of device that the machine has
DEVICES = (AUTO, *DeviceKind)


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``pipebench run`` as given; ``None`` is "not given"."""

    gpus: int | None = None  # a device for each layer, 8 at most
    device: str = AUTO
    machine: str | None = None
    model: str = DEFAULT_MODEL
    preset: str | None = None
    layers: int | None = None
    hidden: int | None = None
    vocab: int | None = None
    batch: int | None = None
    sequence_length: int | None = None
    dtype: str = "float32"
    schedule: str = "gpipe"
    microbatches: int | None = None
    chunks: int | None = None
    partition: str = "even"
    softmax_devices: str | None = None
    checkpoint: str = "none"
    text: str | None = None
    tokens: str = "words"
    synthetic: bool = False
    source_vocab: int | None = None
    heads: int | None = None
    source: str | None = None
    target: str | None = None
    pairs: str | None = None
    bucket: bool = True
    launches: int | None = None
    quick: bool = False
    rigorous: bool = False
    steps: int = 2
    warmup: int = 1
    seed: int = 0
    deadline_s: float | None = None
    emulation_order: str = EMULATION_ORDERS[0]
    memory: str | None = None
    cell: str | None = None  # as the schedule needs it
    most_alive: int | None = None
    most_waiting: int | None = None

    @property
    def asked_kind(self) -> DeviceKind | None:
        """The kind of device that is asked for; ``None``: one that the machine has."""
        if self.machine is not None:
            return DeviceKind.EMULATED
        return None if self.device == AUTO else DeviceKind(self.device)


class RunConfig(Asked, frozen=True, kw_only=True):
    """A run with every value decided: what concerns its model (``Asked``), and the rest.

    ``partition`` is ``None`` until a balanced one has been measured. ``order`` is a row of a plan's CSV for each
    device, ``None`` until costs have been measured for it, and where the schedule takes none. Where no device can hold
    the whole model, the baseline is the naive schedule on as few as can: ``baseline_partition`` says what each holds.
    """

    gpus: int
    machine: str
    preset: str | None
    schedule: str
    partition: tuple[int, ...] | None
    partition_rule: str
    checkpoint: str
    launches: int
    steps: int
    warmup: int
    deadline_s: float | None
    emulation_order: str
    memory_bytes: int | None = None  # of a device
    softmax_devices: Sharing = None  # who shares the head
    baseline_partition: tuple[int, ...] | None = None
    cell: Literal["fused", "split"] = "fused"  # how backwards are computed: whole by autograd, or in halves
    most_alive: int | None = None  # slices of a stage that are kept for its backward
    most_waiting: int | None = None  # slices of a stage whose weights' gradients are put off
    order: tuple[str, ...] | None = None
    here: tuple[int, ...] | None = None  # ranks on this machine, where others have some too
    single_bytes: int | None = (
        None  # what a single device's step may take of this machine's memory, where that is short
    )

    def with_input(self, given: Given) -> "RunConfig":
        """The run with what was found out about its input."""
        return msgspec.structs.replace(self, positions_read=given.positions)

    @property
    def outline(self) -> Outline:
        """The model on paper."""
        return outline_of(self)

    @property
    def message_bytes(self) -> int:
        """The usual size of a message, once the partition is known."""
        assert self.partition is not None
        return usual_bytes(edges_of(self.outline, self.layout, self.microbatches, self.chunks))

    @property
    def needs_link(self) -> bool:
        """Whether the link of this machine must be known."""
        return self.machine == LOCAL

    @property
    def kind(self) -> DeviceKind:
        """The kind of device; emulated, where a run ended before that was settled."""
        return self.device or DeviceKind.EMULATED

    @property
    def asked_device(self) -> str:
        """The value of ``--device`` that this run has."""
        return AUTO if self.device is None else str(self.device)

    @property
    def clock(self) -> Literal["wall", "virtual"]:
        """The clock of the figures: emulated devices share a core, so that they work side by side is virtual."""
        return "wall" if self.kind.is_real else "virtual"

    @property
    def ranks(self) -> int:
        """Processes of a launch: one a device, or one that emulates them all."""
        return self.gpus if self.kind.is_real else 1

    @property
    def single_limit(self) -> int | None:
        """The most bytes that a single device with the whole model may take; ``None`` if no limit is near."""
        known = [limit for limit in (self.memory_bytes, self.single_bytes) if limit is not None]
        return min(known, default=None)

    @property
    def baseline_devices(self) -> int:
        """How many devices the baseline runs on."""
        return len(self.baseline_partition or (0,))

    @property
    def chain_devices(self) -> int:
        """How many devices have layers."""
        return chain_of(self.gpus, self.softmax_devices)

    @property
    def stages(self) -> int:
        """How many stages the graph has, which is known before there is one."""
        if self.softmax_devices is None:
            return self.gpus
        shards = self.gpus if self.softmax_devices == "all" else self.softmax_devices
        return self.chain_devices + shards + 1

    @property
    def row(self) -> Row:
        """What the partition cuts: a head that devices share cannot stand alone."""
        row = self.outline.row
        return row if self.softmax_devices is None else row._replace(head="")

    @property
    def planned_partition(self) -> tuple[int, ...]:
        """The partition, or what a balanced one would be by computed operations."""
        if self.partition is not None:
            return self.partition
        return partitions.computed_balanced(self.outline, self.row, self.chain_devices)

    @property
    def layout(self) -> Layout:
        """Which device has what; as planned until the partition is known."""
        partition, outline = self.planned_partition, self.outline
        if self.softmax_devices is None:
            return chain_layout(partition)
        if self.softmax_devices != "all":
            return layout_of(partition, outline.head_rows, self.softmax_devices)
        fills = SCHEDULES[self.schedule].takes_costs
        weights = shard_weights(outline, partition, self.microbatches, self.chunks, only_fills=fills)
        return layout_of(partition, outline.head_rows, "all", weights)

    @property
    def pieces(self) -> Pieces:
        """Which parameters devices share."""
        return self.layout.pieces(self.outline)

    @property
    def graph(self) -> Graph:
        """The graph: one stage of layers for each device that has some, and the stages that share the head."""
        outline = self.outline
        shape = shape_of(outline, self.planned_partition, self.softmax_devices)
        shape = shape._replace(split_backward=SCHEDULES[self.schedule].splits_backward)
        graph = graph_of(shape, self.microbatches, self.chunks)
        if self.softmax_devices is None:
            return graph
        work = tuple(
            outline.step_s(part, 1.0) / len(lives)  # a slice of one segment
            for part, lives in zip(self.layout.parts, graph.lives, strict=True)
        )
        return replace(graph, work=work)

    @property
    def needs_order(self) -> bool:
        """Whether the costs that the order is made from are still to be measured."""
        return self.order is None and SCHEDULES[self.schedule].takes_costs

    @property
    def plan(self) -> Plan:
        """The order in which the devices run the graph: the one that was settled, or the schedule's own."""
        return _plan(self.schedule, self.graph, self.order, self.most_alive, self.most_waiting)


@lru_cache(maxsize=4)
def _plan(
    schedule: str,
    graph: Graph,
    order: tuple[str, ...] | None,
    most_alive: int | None,
    most_waiting: int | None,
) -> Plan:
    """The plan, which is kept: a run asks for it several times, and some schedules search for theirs."""
    if order is not None:
        return plan_from_csv("\n".join(order), graph)
    return SCHEDULES[schedule].plan(graph, most_alive=most_alive, most_waiting=most_waiting)
