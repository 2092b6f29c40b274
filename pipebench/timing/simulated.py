"""A timeline whose spans and transfers are made when they are first asked for: many ask for the makespan alone."""

from collections.abc import Callable
from functools import cached_property

from pipebench.plan.graph import Graph
from pipebench.system import garbage
from pipebench.timing.timeline import OtherWork, Span, Timeline, Transfer

_Spans = Callable[[], tuple[Span, ...]]
_Transfers = Callable[[], tuple[Transfer, ...]]


class Simulated(Timeline):
    """As any other timeline to whoever has one."""

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
        """With what makes its spans and transfers, each called once at most."""
        made = cls.__new__(cls)
        made.__dict__.update(graph=graph, other=other, makespan_s=makespan_s)
        made.__dict__.update(_make_spans=make_spans, _make_transfers=make_transfers)
        return made

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """Of all devices, in the order in which they started."""
        with garbage.put_off():
            make: _Spans = self.__dict__.pop("_make_spans")  # of no more use then, and large
            return make()

    @cached_property
    def transfers(self) -> tuple[Transfer, ...]:
        """In the order in which they started."""
        with garbage.put_off():
            make: _Transfers = self.__dict__.pop("_make_transfers")
            return make()
