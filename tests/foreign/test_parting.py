from pipebench.foreign.parting import replica_alone, steps_apart
from pipebench.foreign.rows import Recording, Row, SourceFile

TABLE = SourceFile("spans.csv", "spans", "0" * 64, 0)


def row(step: int, replica: int, file: int = 0) -> Row:
    return Row(step, replica, 0, "F", 0, 0, 0.0, 1.0, file)


def test_of_a_table_of_all_replicas_rows_are_kept() -> None:
    recording = Recording([TABLE], [row(0, 0), row(0, 3)])
    assert replica_alone(recording, 3) == (
        "to explain replica 3 alone, make a table of its rows: those with 3 in the column replica"
    )


def test_files_of_one_replica_are_named() -> None:
    files = [SourceFile(f"rank{n}.json", "torch-profiler", "0" * 64, 0) for n in range(14)]
    recording = Recording(files, [row(0, n % 2, n) for n in range(14)])
    assert replica_alone(recording, 1) == (
        "to explain replica 1 alone, name only its files: rank1.json, rank3.json, rank5.json, rank7.json, rank9.json "
        "and 2 more"
    )


def test_steps_are_cut_out_of_a_table_and_recorded_again_for_a_trace() -> None:
    rows = [row(step, 0) for step in range(9)]
    assert steps_apart(Recording([TABLE], rows), [7]).startswith(
        "make two tables, one with the rows of step 7 (column step) and one with all others"
    )
    assert "steps 0, 1, 2, 3, 4 and 2 more (column step)" in steps_apart(Recording([TABLE], rows), range(7))
    trace = Recording([TABLE._replace(kind="torch-profiler")], rows)
    assert steps_apart(trace, [2, 7]).startswith(
        "record steps 2, 7 and some usual steps in traces of their own"
    )
