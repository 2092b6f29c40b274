"""Whole recordings of traces that the test makes: every row, with its exact time."""

from collections.abc import Sequence
from gzip import decompress
from hashlib import sha256
from pathlib import Path

import pytest

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.foreign.rows import Recording, Row
from pipebench.foreign.torch_profiler import read_traces
from tests.foreign.torch_profiler.traces import (
    BASE_NS,
    Document,
    document,
    event,
    gpipe,
    runtime,
    shifted,
    step,
    write,
)

GPIPE_MS = {
    (0, "F", 0, 0): (0, 10),
    (0, "F", 0, 1): (10.5, 20.5),
    (0, "B", 0, 0): (52, 72),
    (0, "B", 0, 1): (72, 92),
    (1, "F", 1, 0): (11, 21),
    (1, "F", 1, 1): (21, 31),
    (1, "B", 1, 0): (31, 51),
    (1, "B", 1, 1): (51.5, 71.5),
    (0, "SEND_F", 0, 0): (10, 10.2),
    (0, "SEND_F", 0, 1): (20.5, 20.7),
    (0, "RECV_B", 0, 0): (21.1, 52),
    (0, "RECV_B", 0, 1): (72, 72),
    (1, "RECV_F", 1, 0): (0.1, 11),
    (1, "RECV_F", 1, 1): (21, 21),
    (1, "SEND_B", 1, 0): (51, 51.2),
    (1, "SEND_B", 1, 1): (71.5, 71.7),
}


def read(folder: Path, ranks: Sequence[Document]) -> Recording:
    return read_traces(
        [write(folder / f"{number}.json", one, packed=number % 2 == 0) for number, one in enumerate(ranks)]
    )


def times_ms(rows: Sequence[Row]) -> dict[tuple[int, str, int, int | None], object]:
    found = {
        (row.device, row.operation, row.stage, row.microbatch): (row.start_s * 1000, row.end_s * 1000)
        for row in rows
    }
    assert len(found) == len(rows)
    return {key: pytest.approx(times, abs=1e-6) for key, times in found.items()}


def test_a_label_without_its_wait_is_what_the_device_computed(tmp_path: Path) -> None:
    recording = read(tmp_path, [document(rank, 2, [step(3, -0.0, 100), *gpipe(rank)]) for rank in range(2)])
    assert times_ms(recording.rows) == GPIPE_MS
    assert {row.step for row in recording.rows} == {3}
    assert {row.replica for row in recording.rows} == {0}
    assert recording.notices == ()
    first = next(row for row in recording.rows if row.name == "1F0")
    assert recording.place(first) == f"{tmp_path}/1.json event 1 (1F0)"
    assert [(source.kind, source.rows) for source in recording.files] == [("torch-profiler", 8)] * 2
    assert recording.files[0].sha256 == sha256(decompress((tmp_path / "0.json").read_bytes())).hexdigest()


def test_the_files_may_come_in_any_order(tmp_path: Path) -> None:
    recording = read(tmp_path, [document(rank, 2, gpipe(rank)) for rank in (1, 0)])
    assert times_ms(recording.rows) == GPIPE_MS


def test_the_receive_of_the_runtime_is_posted_before_the_label_that_waits_for_it(tmp_path: Path) -> None:
    recording = read(tmp_path, [document(rank, 2, [step(0, 0, 60), *runtime(rank)]) for rank in range(2)])
    assert times_ms(recording.rows) == {
        (0, "F", 0, 0): (0, 10),
        (0, "SEND_F", 0, 0): (10.1, 10.4),
        (0, "RECV_B", 0, 0): (10.6, 33),
        (0, "B", 0, 0): (33, 53),
        (0, "REDUCE_GRAD", 0, None): (53, 53.1),
        (1, "RECV_F", 1, 0): (0.2, 12),
        (1, "F", 1, 0): (12, 22),
        (1, "I", 1, 0): (22, 32),
        (1, "SEND_B", 1, 0): (32.1, 32.4),
        (1, "W", 1, 0): (32.5, 42),
    }


def test_clocks_that_count_from_other_times_are_brought_together(tmp_path: Path) -> None:
    later_ms = 3_600_000.5  # rank 1's times count from an hour later
    ranks = [
        document(0, 2, shifted(gpipe(0), later_ms + 7)),
        document(1, 2, shifted(gpipe(1), 7), base_ns=BASE_NS + 3_600_000_500_000),
    ]
    assert times_ms(read(tmp_path, ranks).rows) == GPIPE_MS


def test_old_files_have_times_as_they_are(tmp_path: Path) -> None:
    recording = read(tmp_path, [document(rank, 2, gpipe(rank), base_ns=None) for rank in range(2)])
    assert times_ms(recording.rows) == GPIPE_MS
    assert [notice for notice in recording.notices if "baseTimeNanoseconds" in notice]


def test_steps_that_the_profiler_was_not_told_are_the_passes_of_each_rank(tmp_path: Path) -> None:
    blocks = [[*gpipe(rank), *gpipe(rank, at=100)] for rank in range(2)]
    recording = read(tmp_path, [document(rank, 2, block) for rank, block in enumerate(blocks)])
    for number in range(2):
        rows = [row for row in recording.rows if row.step == number]
        moved = [
            row._replace(start_s=row.start_s - number / 10, end_s=row.end_s - number / 10) for row in rows
        ]
        assert times_ms(moved) == GPIPE_MS
    [notice] = recording.notices
    assert notice.startswith("not all files tell their steps (ProfilerStep): each time that all of")


def test_the_optimizer_is_a_row_of_the_device_in_no_microbatch(tmp_path: Path) -> None:
    update = event("Optimizer.step#SGD.step", 93, 95)
    recording = read(tmp_path, [document(rank, 2, [*gpipe(rank), update]) for rank in range(2)])
    found = [row for row in recording.rows if row.operation == "OPTIMIZER"]
    assert [(row.device, row.stage, row.microbatch, row.length_s) for row in found] == [
        (0, 0, None, pytest.approx(0.002)),
        (1, 1, None, pytest.approx(0.002)),
    ]


def test_replicas_are_pipelines_of_their_own(tmp_path: Path) -> None:
    pairs = [(0, 2), (0, 2), (1, 3), (1, 3)]
    ranks = []
    for rank, (group, at) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
        named = {"pg_name": "1", "pg_desc": "mesh_pp", "ranks": pairs[2 * group]}
        ranks.append(document(rank, 4, gpipe(at), groups=[named]))
    recording = read(tmp_path, ranks)
    for replica in range(2):
        assert times_ms([row for row in recording.rows if row.replica == replica]) == GPIPE_MS


def test_no_file_is_no_recording() -> None:
    with pytest.raises(UsageError, match="one file a rank, got none"):
        read_traces([])


def test_what_1f1b_does_not_label_is_told(tmp_path: Path) -> None:
    unlabelled = [event("gloo:recv", 0, 1), event("aten::mm", 1, 2, cat="cpu_op"), step(0, 0, 10)]
    with pytest.raises(CorruptRecordError, match=r"0\.json: .*Schedule1F1B writes no labels") as caught:
        read(tmp_path, [document(rank, 2, unlabelled) for rank in range(2)])
    assert "\n" not in str(caught.value)
