"""A timeline whose spans and transfers are made when first asked for, since many callers need only the makespan."""

from collections.abc import Callable
from functools import cached_property

from pipebench.plan.graph import Graph
from pipebench.system import garbage
from pipebench.timing.timeline import OtherWork, Span, Timeline, Transfer

_Spans = Callable[[], tuple[Span, ...]]
_Transfers = Callable[[], tuple[Transfer, ...]]


class Simulated(Timeline):
    """A timeline from the simulator, to be used like any other."""

    @classmethod
    def of(
        cls,
        graph: Graph,
        make_spans: _Spans,
        make_transfers: _Transfers,
        other: tuple[OtherWork, ...],
        *,
        makespan_s: float,
    ) -> "Simulated":
        """Make a timeline from functions that make its spans and transfers; each is called at most once."""
        made = cls.__new__(cls)
        made.__dict__.update(graph=graph, other=other, makespan_s=makespan_s)
        made.__dict__.update(_make_spans=make_spans, _make_transfers=make_transfers)
        return made

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The spans of all devices, in the order in which they started."""
        with garbage.put_off():
            make: _Spans = self.__dict__.pop("_make_spans")  # large, and not needed any more
            return make()

    @cached_property
    def transfers(self) -> tuple[Transfer, ...]:
        """All transfers, in the order in which they started."""
        with garbage.put_off():
            make: _Transfers = self.__dict__.pop("_make_transfers")
            return make()
