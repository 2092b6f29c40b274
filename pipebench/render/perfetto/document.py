"""A step as a trace: one file with a process for each device, or a file for each device.

    one file          device 0 | work and waiting      |0F0 0F1|waiting|transfer|0B1 0B0|optimizer|
                               | messages on their way   ~~ ~~
                               | activations alive       1  2                     1   0
                      device 1 | ...

Perfetto opens the one file, with arrows between devices. HolisticTraceAnalysis takes one file a rank. There, what a
device computes is a kernel on a stream, so that the stream's idle time is the device's.
"""

from collections.abc import Iterator, Sequence

from pipebench.render.perfetto.counters import alive_events
from pipebench.render.perfetto.events import Document, Event, Rank, Slice, encoded, slice_event
from pipebench.render.perfetto.flows import flow_events
from pipebench.render.perfetto.lanes import Lane
from pipebench.render.perfetto.slices import MESSAGE, OTHER, PAUSES, lanes_by_device, shift_of
from pipebench.render.perfetto.step import ShownStep
from pipebench.system import garbage

_UNIT = "ms"  # what readers show times in
_NO_KERNEL = PAUSES | {MESSAGE, OTHER}


def one_file(step: ShownStep) -> bytes:
    """All devices, with the arrows between them, as JSON."""
    shift_ns = shift_of(step)
    with garbage.put_off():
        lanes = lanes_by_device(step, shift_ns)
        events = [
            event
            for device, rows in enumerate(lanes)
            for event in (*_names(step, device, rows), *_slices(device, rows))
        ]
        events += flow_events(step.timeline.graph, lanes)
        for device in range(len(lanes)):
            events += alive_events(step.timeline, device, shift_ns)
        return encoded(Document(_UNIT, step.about, events))


def file_a_rank(step: ShownStep) -> Iterator[bytes]:
    """A JSON file for each device, in the form that HolisticTraceAnalysis reads."""
    shift_ns = shift_of(step)
    lanes = lanes_by_device(step, shift_ns)
    for device, rows in enumerate(lanes):
        slices = (
            slice_event(_as_kernel(each, lane), device, lane)
            for lane, row in enumerate(rows, start=1)
            for each in row.slices
        )
        events = [*_names(step, device, rows), *slices, *alive_events(step.timeline, device, shift_ns)]
        yield encoded(Document(_UNIT, step.about, events, Rank(device, len(lanes))))


def _as_kernel(each: Slice, lane: int) -> Slice:
    """Work as a kernel, named by its kind, since readers add up kernels of one name."""
    if each.category in _NO_KERNEL:
        return each
    name = each.name if each.action is None else each.category
    return each._replace(name=name, category="kernel", arguments={**each.arguments, "stream": lane})


def _slices(device: int, rows: Sequence[Lane]) -> Iterator[Event]:
    for lane, row in enumerate(rows, start=1):
        for each in row.slices:
            yield slice_event(each, device, lane)


def _names(step: ShownStep, device: int, rows: Sequence[Lane]) -> Iterator[Event]:
    """The names of the device and its lanes; that of the device also says how the times came to be."""
    layers = step.layers[device] if device < len(step.layers) else ""
    name = f"device {device}{f': {layers}' if layers else ''} ({step.evidence})"
    yield Event("M", "process_name", device, args={"name": name})
    yield Event("M", "process_sort_index", device, args={"sort_index": device})
    for lane, row in enumerate(rows, start=1):
        yield Event("M", "thread_name", device, lane, args={"name": row.name})
        yield Event("M", "thread_sort_index", device, lane, args={"sort_index": lane})
