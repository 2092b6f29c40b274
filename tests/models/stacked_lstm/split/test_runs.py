from pipebench.models.stacked_lstm.split.runs import runs_of


def test_chunks_that_follow_each_other_are_one_run() -> None:
    one, other = [1], [1]  # equal, but not the same
    pending = [(other, 3), (one, 2), (other, 4), (one, 0), (one, 1), (other, 0)]
    assert [(memory is one, first, end) for memory, first, end in runs_of(pending)] == [
        (False, 0, 1),
        (False, 3, 5),
        (True, 0, 3),
    ]


def test_nothing_that_waits_is_no_run() -> None:
    assert [*runs_of([])] == []
