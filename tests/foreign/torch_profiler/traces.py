"""Traces as ``torch.profiler`` writes them, with times that a test chooses. All in milliseconds."""

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

BASE_NS = 1_700_000_000_000_000_000
Document = dict[str, Any]


def event(
    name: str, start: float, end: float, *, cat: str = "user_annotation", tid: int = 1, **args: object
) -> Document:
    times = {"ts": start * 1000, "dur": (end - start) * 1000}
    return {"ph": "X", "cat": cat, "name": name, "pid": 7, "tid": tid, **times, "args": args}


def send(start: float, end: float) -> Document:
    return event("c10d::send", start, end, cat="cpu_op")


def receive(start: float, end: float) -> Document:
    """The call, and what lasts until the message is there."""
    return event("gloo:recv", start, end, cat="user_annotation", tid=1)


def step(number: int, start: float, end: float) -> Document:
    return event(f"ProfilerStep#{number}", start, end)


def document(
    rank: int,
    world: int,
    events: Iterable[Document],
    *,
    base_ns: int | None = BASE_NS,
    groups: Sequence[Document] = (),
) -> Document:
    told = {"backend": "gloo", "rank": rank, "world_size": world, "pg_config": list(groups)}
    whole = {"schemaVersion": 1, "distributedInfo": told, "traceEvents": list(events), "traceName": "x.json"}
    return whole if base_ns is None else {**whole, "baseTimeNanoseconds": base_ns}


def write(path: Path, content: Document, *, packed: bool = True) -> Path:
    text = json.dumps(content).encode()
    path.write_bytes(gzip.compress(text) if packed else text)
    return path


def gpipe(rank: int, *, at: float = 0.0) -> list[Document]:
    """One step of 2 ranks and 2 microbatches: forwards take 10, backwards 20, messages 1.

    Rank 0: F0 0-10, F1 10-20, B0 52-72, B1 72-92. Rank 1: F0 11-21, F1 21-31, B0 31-51, B1 51-71.
    """
    if rank == 0:
        found = [
            *(event("Forward 0", 0, 10.5), send(10, 10.2)),
            *(event("Forward 1", 10.5, 21), send(20.5, 20.7)),
            *(event("Backward 0", 21, 72), receive(21.1, 52)),
            *(event("Backward 1", 72, 92), receive(72, 72)),
        ]
    else:
        found = [
            *(event("Forward 0", 0, 21), receive(0.1, 11)),
            *(event("Forward 1", 21, 31), receive(21, 21)),
            *(event("Backward 0", 31, 51.5), send(51, 51.2)),
            *(event("Backward 1", 51.5, 72), send(71.5, 71.7)),
        ]
    return shifted(found, at)


def shifted(events: Iterable[Document], by: float) -> list[Document]:
    return [{**one, "ts": one["ts"] + by * 1000} for one in events]


def runtime(rank: int, *, at: float = 0.0) -> list[Document]:
    """As a multi-stage runtime labels it: 2 ranks, 1 microbatch, the backward of rank 1 in halves.

    Rank 0: F 0-10, B 33-53. Rank 1: F 12-22, I 22-32, W 32-42.
    """
    if rank == 0:
        found = [
            event("PP:0F0", 0, 10),
            *(event("PP:0SEND_F0", 10, 10.5), send(10.1, 10.4)),
            *(event("PP:0RECV_B0", 10.5, 10.7), receive(10.6, 33)),
            event("PP:0B0", 11, 53),
            event("PP:0REDUCE_GRAD", 53, 53.1),
        ]
    else:
        found = [
            *(event("PP:1RECV_F0", 0, 0.5), receive(0.2, 12)),
            event("PP:1F0", 0.5, 22),
            event("PP:1I0", 22, 32),
            *(event("PP:1SEND_B0", 32, 32.5), send(32.1, 32.4)),
            event("PP:1W0", 32.5, 42),
        ]
    return shifted(found, at)
