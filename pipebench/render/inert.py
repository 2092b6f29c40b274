"""Foreign text that does nothing: no cursor moves, no colours, no second line, no command to a CI runner."""

from pipebench.system.names import as_text


def inert(text: str) -> str:
    r"""The text on one line with all invisible characters written out, as in ``\x1b``: controls, overrides, separators.

    Two colons at a line's start, and ``##[`` anywhere, are commands to a GitHub runner that reads a log; both get a
    space.
    """
    seen = "".join(letter if letter.isprintable() else _escape(letter) for letter in as_text(text))
    while "::" in seen:
        seen = seen.replace("::", ": :")
    return seen.replace("##[", "## [")


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
