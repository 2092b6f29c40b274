import pytest

from pipebench.models.pairs.markup import plain_text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("plain words, and a stop.", "plain words, and a stop."),
        ("  white\n\tspace \xa0 is\r\njoined ", "white space is joined"),
        ("a <b>bold</b> word<br/>", "a bold word"),
        ('see <a href="%s" title="x">the page</a>', "see the page"),
        ("<!-- a\nnote -->text", "text"),
        ("don't open '%s' or '%s'", "don't open or"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("file %s has %d lines", "file has lines"),
        ("%(count)d of %(name)s", "of"),
        ("%1$s before %2$-5.3lu", "before"),
        ("%-*s|%5.1f|%'d|%#x|%zu|%lld|%hhu|%m", "| | | | | | |"),
        ("100 %% of %pB", "100 % of"),
        ("50% of all", "50% of all"),
        ("%1 of %2", "of"),
        ("{0} and {name!r:>10} and {} in ${HOME}", "and and in"),
        ("a set {a, b} stays", "a set {a, b} stays"),
        ("cannot open '%s'", "cannot open"),
        ("cannot open «\xa0%s\xa0»: %m", "cannot open :"),
        ('rename "%s" to “%s” (<%s>)', "rename to ( )"),
        ("%s: no such file", "no such file"),
        ("%s: %s: no such file", "no such file"),
        ('"a" and "b"', '"a" and "b"'),
        ("fork() is a function", "fork() is a function"),
        ("_File", "File"),
        ("Save _As", "Save As"),
        ("&File", "File"),
        ("R&D at AT&T", "R&D at AT&T"),
        ("a && b", "a && b"),
        ("ファイル(&F)", "ファイル"),
        ("Datei (_D)", "Datei"),
        ("some_name, _a_name_ and __init__", "some_name, _a_name_ and __init__"),
        ("Tom &amp; Jerry &lt;&#233;&#xe9;&gt;", "Tom & Jerry <éé>"),
        ("&amp;File &unknown;", "File unknown;"),
        ("\x1b[1;31mred\x1b[0m alert", "red alert"),
        (r"\fBbold\fR and \fIitalic\fP, \f[B]x\f(CWy", "bold and italic, xy"),
        (r"\-\-help \(em \[aq]x\[aq]\&", "--help x"),
        ("%s", ""),
        ("<b></b> \n", ""),
        ("", ""),
    ],
)
def test_what_is_no_language_is_taken_out(message: str, text: str) -> None:
    assert plain_text(message) == text
