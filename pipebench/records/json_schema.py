"""The schema of stored records as JSON Schema, for programs that read them without pipebench.

It says which fields each kind has, of which types and in which ranges. What fields must say together, the results of a
completed run for one, it does not say: that is checked where a record is read.
"""

from inspect import cleandoc
from typing import Any

import msgspec

from pipebench.records.schema import SCHEMA_NAME, SCHEMA_VERSION
from pipebench.records.store import KINDS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TELLS = [
    "schema",
    "kind",
]  # what tells a record's kind: it has defaults in Python, and stands in every document


def json_schema(kind: str | None = None) -> bytes:
    """The JSON Schema of a record, one trailing newline.

    Args:
        kind: one of ``store.KINDS``; of all kinds if ``None``: a record is of exactly one.
    """
    kinds = KINDS if kind is None else {kind: KINDS[kind]}
    roots, parts = msgspec.json.schema_components(kinds.values(), ref_template="#/$defs/{name}")
    for record in kinds.values():
        part = parts[record.__name__]
        part["required"] = [*_TELLS, *(name for name in part["required"] if name not in _TELLS)]
    parts["Schema"]["required"] = ["name", "version"]
    for part in parts.values():
        part["description"] = cleandoc(part["description"])
    return msgspec.json.format(msgspec.json.encode(_document(list(roots), parts))) + b"\n"


def _document(roots: list[dict[str, Any]], parts: dict[str, Any]) -> dict[str, Any]:
    """One document: what a record is, and the parts that it refers to."""
    whole = roots[0] if len(roots) == 1 else {"oneOf": roots}
    title = f"A record of {SCHEMA_NAME}, schema version {SCHEMA_VERSION}"
    return {"$schema": _DIALECT, "title": title, **whole, "$defs": parts}
