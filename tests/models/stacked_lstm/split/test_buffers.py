import pytest
import torch

from pipebench.models.stacked_lstm.split.buffers import Buffers, rows_of


def buffers(steps: int, batch: int = 2, hidden: int = 3) -> Buffers:
    made = Buffers(steps, batch, torch.empty(4 * hidden, hidden))
    made.both_TBK.copy_(torch.arange(made.both_TBK.numel()).view_as(made.both_TBK))
    made.gates_TBG.copy_(torch.arange(made.gates_TBG.numel()).view_as(made.gates_TBG))
    return made


def test_chunks_that_follow_each_other_are_one_piece_uncopied() -> None:
    made = buffers(6)
    (rows,) = rows_of([made.chunk(4, 5), made.chunk(1, 2), made.chunk(2, 4)])
    assert rows.both.data_ptr() == made.both_TBK[1].data_ptr()
    assert torch.equal(rows.both, made.both_TBK[1:5].flatten(0, 1))
    assert torch.equal(rows.gates, made.gates_TBG[1:5].flatten(0, 1))


def test_small_pieces_are_copied_into_one() -> None:
    made, other = buffers(6, hidden=5), buffers(2, hidden=5)
    (rows,) = rows_of([made.chunk(4, 6), other.chunk(0, 1), made.chunk(0, 1)])
    assert torch.equal(rows.both, torch.cat([made.both_TBK[0], *made.both_TBK[4:6], other.both_TBK[0]]))
    assert len(rows.gates) == 8


def test_large_pieces_stay_where_they_are() -> None:
    made, other = buffers(6), buffers(6)
    found = rows_of([made.chunk(0, 6), other.chunk(0, 6)])
    assert [rows.both.data_ptr() for rows in found] == [each.both_TBK.data_ptr() for each in (made, other)]


def test_a_chunk_waits_once() -> None:
    made = buffers(6)
    with pytest.raises(AssertionError, match="waits once"):
        rows_of([made.chunk(0, 2), made.chunk(1, 3)])


@pytest.mark.parametrize(("first", "end"), [(0, 0), (2, 1), (-1, 2), (5, 7)])
def test_a_chunk_is_within_the_sequence(first: int, end: int) -> None:
    with pytest.raises(AssertionError, match="range"):
        buffers(6).chunk(first, end)
