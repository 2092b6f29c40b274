"""The metric by its name: its unit, and which way is better."""

import re

from pipebench.errors import UsageError
from pipebench.records.command import PLAIN_FIELD, CommandMetric, unit_of
from pipebench.system.names import is_text

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+")  # of tokensPerSecond too
_MORE_IS_BETTER = frozenset(
    {
        *("throughput", "speed", "speedup", "rate", "bandwidth", "goodput", "mfu", "hfu"),
        *("tps", "qps", "rps", "fps", "ips", "gbps", "mbps", "flops", "gflops", "tflops"),
        *("accuracy", "efficiency", "utilization", "utilisation", "occupancy"),
    }
)
_OF_TIME = frozenset(
    {"s", "sec", "secs", "second", "seconds", "min", "minute", "minutes", "hour", "hours", "day"}
)
_COUNTED = frozenset(
    {
        *("tokens", "token", "tok", "toks", "samples", "examples", "items", "words", "images", "frames"),
        *("sequences", "seqs", "batches", "steps", "iterations", "its", "iters", "records", "rows"),
    }
)


def metric_named(name: str, *, higher_is_better: bool | None = None) -> CommandMetric:
    """The metric of this name; unless it is given, how the name ends tells which way is better.

    Raises:
        UsageError: It is no plain name, or its words say the opposite of its end.
    """
    if not re.match(PLAIN_FIELD, name) or not is_text(name):
        raise UsageError(
            f"--metric {name[:100]!r}: expected a key of the command's JSON lines, as in step_s or train.step_s: "
            "letters, digits and _ . / - between them"
        )
    unit = unit_of(name)
    telling = more_is_better(name)
    if higher_is_better is None and unit != "1/s" and telling is not None:
        raise UsageError(
            f"--metric {name}: {telling!r} in it sounds as if more is better, but names that end in _per_s are better "
            "higher and all others lower: say which with --higher-is-better or --lower-is-better"
        )
    higher = unit == "1/s" if higher_is_better is None else higher_is_better
    return CommandMetric(name, unit, "higher" if higher else "lower")


def more_is_better(name: str) -> str | None:
    """The part of a name that sounds as if more of it is better: a word, a count over something, something a second."""
    found = list(_WORD.finditer(name))
    words = [match[0].lower() for match in found]
    for place, (word, match) in enumerate(zip(words, found, strict=True)):
        if word in _MORE_IS_BETTER:
            return match[0]
        behind = words[place + 1] if place + 1 < len(words) else ""
        if word == "per" and (behind in _OF_TIME or (place and words[place - 1] in _COUNTED)):
            return name[match.start() : found[min(place + 1, len(found) - 1)].end()]
        if behind in _OF_TIME and name[match.end() : found[place + 1].start()] == "/":
            return name[match.end() : found[place + 1].end()]
    return None
