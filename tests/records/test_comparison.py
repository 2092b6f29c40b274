import json
from pathlib import Path

import msgspec
import pytest

from pipebench.comparison.compare import compare
from pipebench.errors import CorruptRecordError
from pipebench.records import documents
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.selection import Source
from tests.builders import steady_record


def record() -> ComparisonRecord:
    sources = [Source(steady_record(factor), Path(f"{factor}.json")) for factor in (1.0, 1.1, 0.9)]
    return compare(sources)


def test_a_comparison_is_decoded_as_one() -> None:
    assert documents.decode(documents.encode(record()), "here") == record()


def test_one_of_before_ratios_were_explained_is_read() -> None:
    document = json.loads(documents.encode(record()))
    for pair in (document, *document["others"]):
        for name in ("baseline_words_per_s", "busy_s"):
            del pair["metrics"][name]
        for metric in pair["metrics"].values():
            del metric["parts"], metric["explanation"]
    found = documents.decode(json.dumps(document).encode(), "here")
    assert isinstance(found, ComparisonRecord)
    assert (found.metrics["speedup"].parts, found.metrics["speedup"].explanation) == ([], None)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("overall", "verdict"), "fine"),
        (("metrics",), {"taste": None}),
        (("metrics", "speedup", "p_value"), 1.5),
        (("metrics", "speedup", "threshold"), 0),
        (("by",), "colour"),
        (("reference", "clock"), "sundial"),
    ],
)
def test_what_no_comparison_can_hold_is_refused(place: tuple[str, ...], value: object) -> None:
    document = json.loads(documents.encode(record()))
    part = document
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    with pytest.raises(CorruptRecordError):
        documents.decode(json.dumps(document).encode(), "here")


def test_a_comparison_is_frozen() -> None:
    with pytest.raises(AttributeError):
        record().by = "gpus"  # type: ignore[misc]
    assert msgspec.structs.replace(record(), by="gpus").by == "gpus"
