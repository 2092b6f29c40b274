"""The schema of stored records as JSON Schema, for programs that read them without pipebench.

It says which fields each kind has, with their types and ranges, and that a completed run has its results. It does not
say how fields depend on each other: that is checked when a record is read.
"""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec

from pipebench.records.documents import KINDS
from pipebench.records.run import CompletedRun, EndedEarly, Run
from pipebench.records.schema import SCHEMA_NAME, SCHEMA_VERSION

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TELLS = [
    "schema",
    "kind",
]  # what tells a record's kind: it has defaults in Python, and stands in every document
_RUN, _OF_A_RUN = "RunRecord", (CompletedRun, EndedEarly)
_TOLD_APART = "What is stored of one run: its status tells which of the two it is."


def json_schema(kind: str | None = None) -> bytes:
    """The JSON Schema of a record, with one trailing newline.

    Args:
        kind: one of ``documents.KINDS``; ``None`` for all kinds, of which a record has exactly one.
    """
    kinds = (KINDS if kind is None else {kind: KINDS[kind]}).values()
    types = [each for record in kinds for each in (_OF_A_RUN if record is Run else (record,))]
    _, parts = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    for record in types:
        part = parts[record.__name__]
        part["required"] = [*_TELLS, *(name for name in part["required"] if name not in _TELLS)]
    parts["Schema"]["required"] = ["name", "version"]
    for part in parts.values():
        part["description"] = cleandoc(part["description"])
    if Run in kinds:
        parts[_RUN] = {"title": _RUN, "description": _TOLD_APART, "oneOf": _references(_OF_A_RUN)}
    roots = _references([_RUN if record is Run else record for record in kinds])
    return msgspec.json.format(msgspec.json.encode(_document(roots, parts))) + b"\n"


def _references(types: Iterable[type | str]) -> list[dict[str, Any]]:
    names = (each if isinstance(each, str) else each.__name__ for each in types)
    return [{"$ref": f"#/$defs/{name}"} for name in names]


def _document(roots: list[dict[str, Any]], parts: dict[str, Any]) -> dict[str, Any]:
    """One document: what a record is, and the parts that it refers to."""
    whole = roots[0] if len(roots) == 1 else {"oneOf": roots}
    title = f"A record of {SCHEMA_NAME}, schema version {SCHEMA_VERSION}"
    return {"$schema": _DIALECT, "title": title, **whole, "$defs": parts}
