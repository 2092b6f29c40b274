"""A launch: what a fresh interpreter does from start to end.

    [race, verify]   in the first launch: find the strongest baseline, and verify the pipeline against it
    warm up          baseline and pipeline
    time             baseline and pipeline in one-step blocks, ABBA

The launcher starts it as ``python -m pipebench.measuring.launch FOLDER RANK MESSAGES PARENT``. FOLDER has the job and
the places of the ranks, MESSAGES is a file descriptor for reports, and PARENT is the process to end with. Every real
rank runs this. The baseline runs in rank 0, which also reports, while the others wait for it.
"""

import gc
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pipebench.errors import EnvironmentRefusedError, PipebenchError, UsageError
from pipebench.launching import faults, messages, process
from pipebench.launching.peers import LostPeerError, recognised
from pipebench.launching.phases import Phase
from pipebench.launching.rendezvous.place import Place
from pipebench.measuring.blocks import time_blocks
from pipebench.measuring.torch_check import check_torch
from pipebench.provenance import origins
from pipebench.timing.measured_link import MeasuredLink

if TYPE_CHECKING:
    from pipebench.engine.device import RankDevice
    from pipebench.measuring.pair import Pair

Emit = Callable[[messages.Message], None]


def main() -> None:
    """Run the job, and report every error as a message."""
    folder, rank, descriptor, parent = Path(sys.argv[1]), *map(int, sys.argv[2:5])

    def emit(message: messages.Message) -> None:
        data = msgspec.json.encode(message) + b"\n"
        while data:
            data = data[os.write(descriptor, data) :]

    try:
        process.prepare(parent=parent)
        work = msgspec.msgpack.decode((folder / "job.msgpack").read_bytes(), type=messages.Work)
        if isinstance(work, messages.Describing):
            describe(work, emit)
        else:
            place = msgspec.msgpack.decode((folder / f"place-{rank}").read_bytes(), type=Place)
            if work.config.kind.has_gpu:
                process.prepare_for_gpus()
            else:  # a rank with a GPU is not pinned: threads of the driver run in its process too
                process.pin(place.core)
            with recognised():
                run(work, place, folder, emit)
        emit(messages.Done())
    except PipebenchError as error:
        emit(
            messages.Failed(
                cause=str(error),
                traceback="",
                refused=isinstance(error, EnvironmentRefusedError),
                usage=isinstance(error, UsageError),
                lost_peer=isinstance(error.__cause__, LostPeerError),
            )
        )
    except MemoryError:
        emit(messages.Failed(cause="out of memory: use a smaller size", traceback=traceback.format_exc()))
    except LostPeerError as lost:
        emit(_broken(lost.told, lost_peer=True))
    except Exception as error:  # noqa: BLE001 - every error must be reported
        emit(_broken(error, lost_peer=False))
    os._exit(0)  # a normal exit would wait for a group whose peers may be gone


def _broken(error: Exception, *, lost_peer: bool) -> messages.Failed:
    """The report of a process that an error ended."""
    cause = f"{type(error).__name__}: {error}".splitlines()[0]
    if _out_of_memory(error):
        cause = f"out of memory: use a smaller size ({cause})"
    told = "".join(traceback.format_exception(error))
    return messages.Failed(cause=cause, traceback=told, lost_peer=lost_peer)


def _out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: torch's error on a GPU, or an error of torch's allocator, C++ or oneDNN on the host."""
    signs = ("can't allocate memory", "bad_alloc", "could not create a primitive")
    return type(error).__name__ == "OutOfMemoryError" or any(sign in str(error) for sign in signs)


def describe(work: messages.Describing, emit: Emit) -> None:
    """Load the user's own layers, find out what they do, and report their description."""
    check_torch()
    import torch  # noqa: PLC0415 - after process.prepare, which sets what torch reads once

    from pipebench.config.slicing import slices  # noqa: PLC0415 - for this work alone
    from pipebench.models.own.describing import describe as described  # noqa: PLC0415 - torch

    torch.set_num_threads(1)
    emit(messages.Loaded())
    options = work.options
    with origins.checked():
        description = described(
            options.model,
            batch=options.batch,
            dtype=options.dtype,
            seed=options.seed,
            slices=partial(slices, options),
            tell=lambda detail: emit(messages.Progress(Phase.DESCRIBING, 0.0, detail)),
        )
    emit(messages.Described(description=description))


def run(job: messages.Job, place: Place, folder: Path, emit: Emit) -> None:
    """Do a job, from its start to its last report but ``Done``."""
    check_torch()  # after process.prepare, which sets what torch reads once
    import torch  # noqa: PLC0415 - likewise

    from pipebench.engine.devices import device_of  # noqa: PLC0415 - likewise
    from pipebench.measuring import facts  # noqa: PLC0415 - likewise
    from pipebench.measuring.pair import make_pair  # noqa: PLC0415 - likewise

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    emit(messages.Loaded())
    rank = place.rank
    report = emit if rank == 0 else _say_nothing
    device = device_of(job.config.kind, place.device)
    device.start()
    if rank == 0:
        report(messages.Environment(values=facts.environment(device)))
    if job.task is messages.Task.LAUNCH and not place.joined and (names := device.names(job.config.gpus)):
        report(messages.Devices(names=names))
    faults.happen(Phase.START, rank)
    faults.set_clock(rank)
    if job.task is messages.Task.LINK:
        report(messages.LinkTimes(link=_measure_link(job, place, folder, report)))
        return
    if job.task is messages.Task.LAYERS:
        _measure_layers(job, place, folder, report)
        return
    if job.task is messages.Task.COSTS:
        _measure_actions(job, place, report)
        return
    pair = make_pair(job, place, folder)
    if place.joined:
        _survey(job, place, device, report)
    pairs = [pair, *map(pair.beside, job.beside)]
    for each in pairs:
        each.prime()
    pair.touch_memory()
    if job.form is None:
        _race(pairs, report)
    else:
        pair.choose(job.form)
    origins.check()  # layers import what they need when they first run, and here they have run
    with _quiet():
        time_blocks(job, rank, pairs, report)
    origins.check()


def _measure_layers(job: messages.Job, place: Place, folder: Path, report: Emit) -> None:
    from pipebench.measuring.layer_costs import measure  # noqa: PLC0415 - torch

    costs = measure(job, place, folder, report)
    if costs is not None:
        report(costs)


def _measure_actions(job: messages.Job, place: Place, report: Emit) -> None:
    from pipebench.measuring.action_costs import measure  # noqa: PLC0415 - torch

    with _quiet():
        report(measure(job, place, report))


def _survey(job: messages.Job, place: Place, device: "RankDevice", report: Emit) -> None:
    """Report where the ranks are and the links in and between hosts, measured before any other work. Collective."""
    from pipebench.engine.device import CpuDevice  # noqa: PLC0415 - torch
    from pipebench.measuring import facts, host_links  # noqa: PLC0415 - torch

    ranks = facts.ranks(place, device)
    report(messages.Progress(phase=Phase.LINKS, share=0.05))
    carried = CpuDevice() if device.backend is None else device
    links = host_links.measure(place, carried, backend=device.backend, timeout_s=job.patience_s)
    report(messages.Devices(names=[each.name for each in ranks], ranks=ranks, links=links))


def _race(pairs: Sequence["Pair"], report: Emit) -> None:
    """Find the strongest baseline, then verify each pipeline against a fresh baseline of that form."""
    first, *others = pairs
    steps = count()
    raced = first.race(
        lambda what: report(messages.Progress(Phase.RACE, min(0.15 + 0.05 * next(steps), 0.5), what))
    )
    if raced is not None:
        report(raced)
    for other in others:
        other.follow(first, raced)
    for which, each in enumerate(pairs):
        report(messages.Progress(phase=Phase.VERIFICATION, share=0.55))
        if which:
            each.choose(raced.form if raced is not None else messages.Form("naive"))
        verification = each.verify()
        if verification is not None:
            report(messages.Verified(verification=verification, which=which))


def _measure_link(job: messages.Job, place: Place, folder: Path, report: Emit) -> MeasuredLink:
    from pipebench.measuring.ping_pong import measure  # noqa: PLC0415 - torch.distributed, for ranks only

    with _quiet():
        return measure(
            place,
            folder,
            job.patience_s,
            lambda share: report(messages.Progress(phase=Phase.LINK, share=share)),
        )


def _say_nothing(message: messages.Message) -> None:
    """Report nothing: rank 0 reports for all ranks."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Switch garbage collection off while measuring."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


if __name__ == "__main__":
    main()
