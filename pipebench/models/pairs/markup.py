r"""Takes out of a program's message what is not language, and leaves plain words in one line. Pure.

It takes out tags (``<b>``), placeholders (``%s``, ``%(name)s``, ``%1$d``, ``{name}``, ``${name}``) with the quotes
around them, marks of keyboard shortcuts (``_File``, ``&File``), a terminal's colours, and groff's fonts and signs
(``\fB``, ``\-``). Entities (``&amp;``) become their letters, and white space becomes one space.
"""

import html
import re

_HOLE = "\ufffc"  # where a placeholder or a tag stood
_NUMBER = r"(?:\d+|\*(?:\d+\$)?)"
_CONVERSION = r"(?:hh?|ll?|[Lqjzt]|I(?:32|64))?(?:p[A-Z]|[A-Za-z])"
_GONE = re.compile(
    r"""
    \x1b\[[0-9;?]*[A-Za-z]                                        # a terminal's colour
  | \\f(?:[A-Z1-9]|\(\w\w|\[\w*\]) | \\[&|^]                      # groff: a font, a place
  | \s*\([_&]\w\)                                                 # a shortcut behind its word: (_F)
    """,
    re.VERBOSE,
)
_PLACEHOLDER = re.compile(
    rf"""
    %% | %\([^()\n]*\)[-+\#0\s]*\d*(?:\.\d+)?{_CONVERSION}        # %(name)s
  | %(?:\d+\$)?[-+\#0']*{_NUMBER}?(?:\.{_NUMBER}?)?{_CONVERSION}  # %-5.2f
  | %\d{{1,2}}(?![\d.,]|\s*%)                                     # %1
  | [$%]?\{{[^{{}}\s]*\}}                                         # braces
  | \\\(\w\w | \\\[\w+\]                                          # groff: a sign
  | <!--.*?--> | </?[A-Za-z][^<>]*>                               # a tag
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTES = "\"'\u2018\u2019\u201a\u201c\u201d\u201e\xab\xbb\u2039\u203a"
_QUOTED_HOLE = re.compile(rf"[{_QUOTES}`\u300c<(\[]\s*{_HOLE}[\s:/.,{_HOLE}]*[{_QUOTES}\u300d>)\]]")
_FIRST_HOLES = re.compile(rf"^(?:\s*{_HOLE}\s*[:\uff1a])+")  # the name of a program or a file
_ENTITY = re.compile(r"&(?:\#\d+|\#[xX][0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]*);")
_SHORTCUT = re.compile(
    r"(?<![\w/.&$@-])[_&](?=[^\W\d_][^\W_]*(?!\w))"
)  # before a word, but not in names such as _a_name_


def plain_text(message: str) -> str:
    """The words of a message, in one line; empty if there are none."""
    text = _GONE.sub("", message.replace("\\-", "-"))
    text = _PLACEHOLDER.sub(lambda found: "%" if found[0] == "%%" else _HOLE, text)
    if _HOLE in text:
        text = _FIRST_HOLES.sub("", _QUOTED_HOLE.sub(" ", text)).replace(_HOLE, " ")
    text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return " ".join(_SHORTCUT.sub("", text).split())
