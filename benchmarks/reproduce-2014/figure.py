"""Draws the speed-ups of a reproduction beside the claims, as SVG.

Usage: python benchmarks/reproduce-2014/figure.py RECORD FILE.svg
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import charts

from pipebench.records import store
from pipebench.records.reproduction import ReproductionRecord

_READINGS = {"talk": "talk", "paper": "paper"}


def main() -> None:
    """One row a pipeline, its 95 % interval, the claim in red."""
    record = store.read(Path(sys.argv[1]))
    assert isinstance(record, ReproductionRecord)
    rows = [
        (
            f"{_READINGS[verdict.reading]}: {verdict.pipeline}",
            verdict.value,
            verdict.low or verdict.value,
            verdict.high or verdict.value,
            verdict.claimed,
        )
        for verdict in record.verdicts
    ]
    evidence = " and ".join(sorted({verdict.evidence for verdict in record.verdicts}))
    title = f"8 devices over one, {evidence}"
    Path(sys.argv[2]).write_text(charts.intervals(title, "red: the claim", rows))


if __name__ == "__main__":
    main()
