"""Documents of records, valid or not, and how they are refused."""

import json

import pytest

from pipebench.errors import CorruptRecordError, ExitCode
from pipebench.records import documents
from tests.builders import completed_record


def stored(**changes: object) -> bytes:
    """A completed record's document with top-level fields replaced, valid or not."""
    values = json.loads(documents.encode(completed_record()))
    return json.dumps(values | changes).encode()


def refused(document: bytes) -> str:
    """The text with which a document is refused."""
    with pytest.raises(CorruptRecordError) as caught:
        documents.decode(document, "here.json")
    assert caught.value.exit_code is ExitCode.CORRUPT
    assert str(caught.value).startswith("here.json: ")
    return str(caught.value)
