import pytest

from pipebench.foreign.rows import Recording, Row, SourceFile
from pipebench.foreign.totals import totals_of
from pipebench.foreign.understanding import understand
from pipebench.records.trace import OtherTotal
from tests.foreign.tables import rows_of, timeline

FILE = SourceFile("spans.csv", "spans", "0" * 64, 0)


def totals(rows: list[Row]) -> dict[str, OtherTotal]:
    return {each.operation: each for each in totals_of(understand(Recording([FILE], rows)).steps, 4)}


def on(device: int, *, step: int = 0, replica: int = 0, length_s: float = 1e-3) -> Row:
    """A receive of a device, in a step that begins at its number of seconds."""
    return Row(step, replica, device, "RECV_B", device, None, step, step + length_s)


def test_the_mean_is_over_the_devices_that_have_rows_of_the_name() -> None:
    """The last stage receives no gradients: 3 of 4 devices wait, 0.9 ms each step."""
    rows = [row for step in (0, 1) for row in rows_of(timeline(), number=step, begin_s=step)]
    rows += [on(device, step=step, length_s=9e-4) for step in (0, 1) for device in (0, 1, 2)]
    found = totals(rows)["RECV_B"]
    assert (found.count, found.devices) == (6, 3)
    assert found.having_s == pytest.approx(9e-4)
    assert found.mean_s == pytest.approx(9e-4 * 3 / 4)


def test_a_step_without_such_rows_counts_and_a_replica_without_them_does_not() -> None:
    rows = [
        row
        for step, replica in ((0, 0), (1, 0), (0, 1), (1, 1))
        for row in rows_of(timeline(), number=step, replica=replica, begin_s=step)
    ]
    found = totals([*rows, on(3, length_s=4e-3)])["RECV_B"]
    assert (found.devices, found.having_s) == (1, pytest.approx(2e-3))  # 4 ms in the first of two steps
    assert totals([*rows, on(3), on(3, replica=1)])["RECV_B"].devices == 2


def test_what_takes_longest_in_total_stands_first() -> None:
    rows = [*rows_of(timeline()), *(on(device) for device in range(4))]
    rows.append(Row(0, 0, 0, "LOAD", 0, None, 0.0, 3e-3))
    assert list(totals(rows)) == ["RECV_B", "LOAD"]
