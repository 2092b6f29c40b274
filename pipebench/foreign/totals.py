"""The operations that are neither forwards nor backwards, by name: how many, where, and how long. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from pipebench.foreign.rows import Row
from pipebench.foreign.understanding import RecordedStep
from pipebench.records.trace import OtherTotal


def totals_of(steps: Sequence[RecordedStep], devices: int) -> list[OtherTotal]:
    """All other operations by name, the one that takes longest in total first.

    Args:
        steps: those of all replicas.
        devices: how many devices the plan has.
    """
    of_replica = Counter(each.replica for each in steps)
    rows: dict[str, list[tuple[int, Row]]] = defaultdict(list)  # each with its replica
    for each in steps:
        for row in each.others:
            rows[row.operation].append((each.replica, row))
    found = [_total(name, own, of_replica, devices) for name, own in rows.items()]
    return sorted(found, key=lambda each: (-each.mean_s, each.operation))


def _total(name: str, rows: Sequence[tuple[int, Row]], of_replica: Counter[int], devices: int) -> OtherTotal:
    """The rows of one name; devices are counted in all replicas, and count in each step of their replica."""
    spent_s = sum(row.length_s for _, row in rows)
    having = {(replica, row.device) for replica, row in rows}
    places = sum(of_replica[replica] for replica, _ in having)
    return OtherTotal(
        name,
        len(rows),
        spent_s / (devices * of_replica.total()),
        devices=len(having),
        having_s=spent_s / places,
    )
