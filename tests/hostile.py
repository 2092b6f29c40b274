"""Records whose every free text is somebody's attack, and one to hold them against."""

import msgspec

from pipebench.records.run import CompletedRun, Run
from tests.builders import steady_record

# Each would do something somewhere: a terminal, rich's markup, a log that a CI runner reads, Markdown, HTML, XML,
# a spreadsheet.
HOSTILE = {
    "markup": "[bold red]loud[/bold red] [link=x]y[/link]",
    "control": "\x1b[2J\x1b]0;title\x07\x9b31m\u202eback\x00",
    "command": "\n::error file=a,line=1::pwned\r::set-output name=a::b ##[error]x %0A::debug::y",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;\"'",
    "markdown": "| cell | `code` @everyone #1 [a](http://b) <!-- c -->",
    "formula": '=HYPERLINK("http://x","y")',
}


def hostile_record(factor: float = 1.0) -> CompletedRun:
    """A valid record whose every free text is somebody's attack."""
    record = steady_record(factor)
    assert record.machine is not None
    return msgspec.structs.replace(
        record,
        id=HOSTILE["formula"] + HOSTILE["command"],
        created=record.created + HOSTILE["html"],
        machine=msgspec.structs.replace(record.machine, name=HOSTILE["markdown"]),
        config=msgspec.structs.replace(
            record.config, schedule=HOSTILE["html"], dtype=HOSTILE["control"] + HOSTILE["markup"]
        ),
        environment={HOSTILE["html"]: "=1+1", **HOSTILE},
    )


def friendly_record_of(hostile: Run, factor: float = 1.0) -> CompletedRun:
    """One that differs from it in every hostile field."""
    return msgspec.structs.replace(
        steady_record(factor), environment=dict.fromkeys(hostile.environment, "harmless")
    )
