"""Foreign text that does nothing: no cursor moves, no colours, no second line, no command to a CI runner."""

import unicodedata

# Control, format (bidirectional overrides, invisible characters), surrogate, private, unassigned; line separators.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def inert(text: str) -> str:
    r"""The text on one line with all that is not seen written out, as in ``\x1b``.

    Two colons at a line's start, and ``##[`` anywhere, are commands to a GitHub runner that reads a log; both get a
    space.
    """
    seen = "".join(_escape(letter) if unicodedata.category(letter) in _UNSEEN else letter for letter in text)
    while "::" in seen:
        seen = seen.replace("::", ": :")
    return seen.replace("##[", "## [")


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
