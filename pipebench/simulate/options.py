"""What ``pipebench simulate`` is asked for: sizes, costs and links, checked against each other. Pure."""

from dataclasses import dataclass

from pipebench.config.memory_sizes import bytes_of
from pipebench.config.softmax_devices import devices_beside, sharing_of
from pipebench.errors import UsageError
from pipebench.models.layout import Shape, Sharing, chain_of, graph_of
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import schedule_named
from pipebench.simulate.devices import talking
from pipebench.timing.costs import Costs, SoftmaxCosts, StageCosts, StageFactor, UniformCosts
from pipebench.timing.link_texts import link_change
from pipebench.timing.links import LinkChange, Topology, changed, latency_only
from pipebench.timing.stage_factors import stage_factors

_STAGES = 8
MOST_S = 1e15  # 30 million years; a million of them still add up to a number that a float can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationOptions:
    """Costs in seconds of one action; ``None`` takes the schedule's default, or twice the forward.

    A half of a backward that is not given takes as long as the forward, if the other one is given or the schedule runs
    halves, and the whole backward is not given.

    ``stage_costs``, ``chunk_costs``, ``link`` and ``message`` are as they were typed, such as ``1,1,1.5,2:3``,
    ``3-4 = 1 GB/s, 50 us`` and ``4MiB``.

    Raises:
        UsageError: No such schedule, a size or cost out of range, or costs that contradict each other or the schedule.
    """

    schedule: str = "gpipe"
    stages: int = _STAGES
    microbatches: int | None = None
    chunks: int | None = None
    forward_s: float = 1.0
    backward_s: float | None = None
    backward_input_s: float | None = None
    backward_weight_s: float | None = None
    transfer_s: float = 0.0
    blocking: bool = False
    softmax_devices: str | None = None
    softmax_s: float | None = None
    hosts: int = 1
    transfer_between_s: float | None = None  # None: as inside a host
    stage_costs: str | None = None
    link: tuple[str, ...] = ()
    message: str | None = None
    chunk_costs: str | None = None

    def __post_init__(self) -> None:
        for name in ("stages", "microbatches", "chunks", "hosts"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise UsageError(f"--{name} must be at least 1, got {size}")
        for name in (
            *("forward", "backward", "backward_input", "backward_weight", "transfer", "softmax"),
            "transfer_between",
        ):
            cost = getattr(self, f"{name}_s")
            if cost is not None and not 0 <= cost <= MOST_S:
                raise UsageError(
                    f"--{name.replace('_', '-')} must be a number of seconds from 0 to {MOST_S:g}, got {cost}"
                )
        if self.stages % self.hosts:
            raise UsageError(
                f"--hosts {self.hosts}: expected a divisor of the {self.stages} devices, which stand on hosts in equal "
                "numbers"
            )
        if self.hosts == 1 and self.transfer_between_s is not None:
            raise UsageError(
                "--transfer-between is between hosts: say how many with --hosts, or leave it out"
            )
        self.usual_costs()
        self._check_factors(chain_of(self.stages, self.sharing))
        self._check_sizes()

    def _check_factors(self, chain: int) -> None:
        """Check that there are as many stage costs as stages with layers."""
        if self.factors and len(self.factors) != chain:
            less = f" less {self.stages - chain} for the softmax" if chain < self.stages else ""
            raise UsageError(
                f"--stage-costs: expected {chain} entries, one for each of the {self.stages} devices{less}, got "
                f"{len(self.factors)}; give as many, or leave --stages out"
            )

    def check_chunks(self, chunks: int) -> None:
        """Refuse factors for another number of chunks.

        Raises:
            UsageError: There are more or fewer.
        """
        if self.chunk_factors and len(self.chunk_factors) != chunks:
            raise UsageError(
                f"--chunk-costs: expected {chunks} entries, one for each chunk, got {len(self.chunk_factors)}; give as "
                "many, or leave --chunks out"
            )

    def _check_sizes(self) -> None:
        """Refuse a bandwidth without the size of a message."""
        changes = zip(self.link, self.link_changes, strict=True)
        with_rates = [text for text, change in changes if change.bytes_per_s is not None]
        if self.message_bytes is None and with_rates:
            raise UsageError(
                f"--link {with_rates[0]!r}: a bandwidth needs the size of a message: add --message, such as --message "
                "4MiB"
            )

    @property
    def factors(self) -> tuple[StageFactor, ...]:
        """How many times as long as usual each stage of the chain takes; empty where all take equally long."""
        return () if self.stage_costs is None else stage_factors(self.stage_costs, "--stage-costs")

    @property
    def chunk_factors(self) -> tuple[StageFactor, ...]:
        """How many times as long as usual each chunk of time takes; empty where all take equally long."""
        return () if self.chunk_costs is None else stage_factors(self.chunk_costs, "--chunk-costs", "chunk")

    @property
    def link_changes(self) -> tuple[LinkChange, ...]:
        """The changes of links between devices."""
        return tuple(link_change(text, self.stages) for text in self.link)

    @property
    def message_bytes(self) -> int | None:
        """The bytes of every message."""
        return None if self.message is None else bytes_of(self.message, "--message")

    @property
    def topology(self) -> Topology:
        """The links between the devices."""
        inside = latency_only(self.transfer_s)
        across = inside if self.transfer_between_s is None else latency_only(self.transfer_between_s)
        each = self.stages // self.hosts
        hosts = tuple(device // each for device in range(self.stages))
        return changed(Topology(hosts, inside, across), self.stages, self.link_changes)

    @property
    def sharing(self) -> Sharing:
        """Who shares the softmax."""
        return sharing_of(self.softmax_devices, self.stages, "--stages")

    @property
    def splits_backward(self) -> bool:
        """Whether the schedule orders the two halves of a backward separately."""
        return schedule_named(self.schedule).splits_backward

    @property
    def whole_softmax_s(self) -> float | None:
        """Seconds of a forward of the whole projection: a stage's where only its devices are given, None without."""
        if self.softmax_s is None and self.sharing is not None:
            return self.forward_s
        return self.softmax_s

    def graph(self, microbatches: int, chunks: int) -> Graph:
        """The work of a step, with what its stages cost."""
        chain, whole_s = chain_of(self.stages, self.sharing), self.whole_softmax_s or 0.0
        if self.sharing is None:
            return graph_of(Shape(chain, split_backward=self.splits_backward), microbatches, chunks)
        shape = Shape(chain, self.sharing, split_backward=self.splits_backward)
        shards = graph_of(shape, 1, 1).stages - chain - 1  # too many are refused before the graph is large
        factors = [factor.forward for factor in self.factors] or [1.0] * chain
        work = (*(self.forward_s * factor for factor in factors), *[whole_s / shards] * shards, 0.0)
        return graph_of(shape, microbatches, chunks, work)

    @property
    def silent_pairs(self) -> list[tuple[int, int]]:
        """The devices whose link was changed although they send each other nothing."""
        found = talking(self.graph(1, 1)) if self.link else set()
        pairs = {change.pair: None for change in self.link_changes if change.pair is not None}
        return [pair for pair in pairs if pair not in found]

    def costs(self, graph: Graph) -> Costs:
        """What the actions of a graph with these stages cost."""
        usual, chunks = self.usual_costs(), self.chunk_factors
        chain = StageCosts(usual, self.factors, chunks) if self.factors or chunks else usual
        return chain if self.whole_softmax_s is None else SoftmaxCosts(chain, self.whole_softmax_s, graph)

    def usual_costs(self) -> UniformCosts:
        """What the actions of a stage of the chain cost, where no factor says otherwise."""
        halves = self.backward_input_s, self.backward_weight_s
        if halves != (None, None):
            default = self.forward_s if self.backward_s is None else None
            first, second = (default if half is None else half for half in halves)
            return UniformCosts(self.forward_s, self.backward_s, first, second)
        if not self.splits_backward:
            whole = 2 * self.forward_s if self.backward_s is None else self.backward_s
            return UniformCosts(self.forward_s, whole)
        if self.backward_s is not None:
            raise UsageError(
                f"--backward: schedule {self.schedule} runs the two halves of a backward by themselves: give "
                "--backward-input and --backward-weight instead"
            )
        return UniformCosts(self.forward_s, backward_input=self.forward_s, backward_weight=self.forward_s)


def stages_told(stage_costs: str | None, softmax_devices: str | None) -> int:
    """How many devices there are by default: those of the listed stages, and those beside them for the softmax.

    Raises:
        UsageError: The stages are no list of factors.
    """
    if stage_costs is None:
        return _STAGES
    return len(stage_factors(stage_costs, "--stage-costs")) + devices_beside(softmax_devices)
