"""Finds the origin that a run asks for. Pure."""

from pipebench.errors import UsageError
from pipebench.models.pairs.asked import PairsAsked
from pipebench.models.pairs.catalogs import Catalogs
from pipebench.models.pairs.files import ParallelFiles
from pipebench.models.pairs.origin import Origin
from pipebench.models.pairs.successors import Successors
from pipebench.models.text.data import most_bytes
from pipebench.models.text.reading import TextFile
from pipebench.system.names import as_named


def origin_of(asked: PairsAsked) -> Origin:
    """Where the run's sentence pairs come from.

    Raises:
        UsageError: Only one of two files is given, files are given beside a language, or a name is not valid.
    """
    source, target = asked.source, asked.target
    if asked.pairs is not None:
        if source is not None or target is not None:
            raise UsageError("--pairs: expected no --source and --target beside it; use one or the other")
        return Catalogs(asked.pairs, asked.tokens)
    if source is None and target is None:
        return Successors(asked.tokens)
    if target is None:
        raise _alone("--source", source, "--target")
    if source is None:
        raise _alone("--target", target, "--source")
    return ParallelFiles(
        TextFile(as_named(source), _most_bytes(asked, asked.source_vocab), "--source"),
        TextFile(as_named(target), _most_bytes(asked, asked.vocab), "--target"),
        asked.tokens,
    )


def _most_bytes(asked: PairsAsked, ids: int) -> int:
    return most_bytes(asked.batch, asked.sequence_length, ids)


def _alone(option: str, name: str | None, other: str) -> UsageError:
    return UsageError(f"{option} {name}: the two files go together; add {other} FILE")
