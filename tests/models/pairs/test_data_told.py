"""What is told of pairs: in a record, in its doubts, and where no pair can be used."""

from pathlib import Path

import pytest

from pipebench.errors import UsageError
from pipebench.models.outline import BATCHES
from pipebench.models.pairs import catalogs, data
from tests.models.pairs.building import Asked, catalog, files, write


@pytest.mark.parametrize(("empty", "told"), [(0, False), (1, False), (2, True), (30, True)])
def test_many_pairs_with_an_empty_side_are_told(tmp_path: Path, empty: int, told: bool) -> None:
    """A line that was lost in one file leaves those behind it beside the wrong ones."""
    lines = ["a b > x y"] * 30
    lines[:empty] = ["a b > "] * empty if empty < 30 else ["a > "] * 29
    asked = files(tmp_path, *lines, "a > x")
    doubts = {doubt.code: doubt.cause for doubt in data.load(asked).source(asked).doubts}
    assert ("empty-sides" in doubts) == told
    if empty == 2:
        assert doubts["empty-sides"] == "2 of 31 pairs have a side without words, and were left out"


def test_catalogs_are_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "_SYSTEM", (str(tmp_path),))
    lines = [("%s: there are four words here", "%s : il y a ici quatre mots"), ("too short", "trop court")]
    write(tmp_path / "xx" / "LC_MESSAGES" / "a.mo", catalog(lines))
    write(tmp_path / "xx" / "LC_MESSAGES" / "b.mo", b"")
    asked = Asked(pairs="xx", sequence_length=7)
    found = data.load(asked)
    assert (found.kind, found.pairs, found.skipped, found.tokens) == ("catalogs", 1, 1, 5 + 6)
    source = found.source(asked)
    assert (source.pairs, source.origin) == (1, "1 gettext catalog, English to xx (1 more cannot be read)")
    assert (source.bytes_read, source.whole) == (None, True)
    (doubt,) = [doubt for doubt in source.doubts if doubt.code == "short-text"]
    assert doubt.next_step == "use another language in --pairs or a smaller --batch"
    with pytest.raises(
        UsageError, match=r"^--pairs xx: 1 catalog of this machine translates no text of 5 words"
    ):
        write(tmp_path / "xx" / "LC_MESSAGES" / "a.mo", catalog(lines[1:]))
        data.load(asked)


def test_what_a_record_holds(tmp_path: Path) -> None:
    asked = files(tmp_path, "a b > x", "c > y z", "c d e f g > x", vocab=10, source_vocab=10)
    found = data.load(asked)
    source = found.source(asked)
    assert (source.kind, source.unit, source.origin) == ("files", "words", "two files, parallel by lines")
    assert source.items == tuple(batch.words for batch in found.batches)
    assert (source.pairs, source.tokens, source.vocabulary) == (2, 12, 3)
    assert (source.bytes_read, source.whole, source.sha256) == (30, True, found.sha256)
    assert source.unknown_share == 0
    assert source.count_rule.startswith("source and target words without padding; ")
    (doubt,) = source.doubts
    assert (doubt.code, doubt.cause) == (
        "short-text",
        "the batches need more pairs than the 2 that there are: they were used again",
    )
    assert doubt.next_step == (
        "use longer files, a larger --sequence-length (1 pair is too long) or a smaller --batch"
    )


def test_each_side_with_many_unknown_words_is_warned_of(tmp_path: Path) -> None:
    lines = [f"a b{number} > x y{number}" for number in range(2 * BATCHES)]
    asked = files(tmp_path, *lines, vocab=4, source_vocab=11)
    assert data.load(asked).source(asked).doubts == ()  # a third, since each END is known
    asked = files(tmp_path, *lines, vocab=11, source_vocab=4)
    (doubt,) = data.load(asked).source(asked).doubts
    assert (doubt.code, doubt.cause) == (
        "unknown-words",
        "50 % of the source words have no id among 4: to the model they are all one word",
    )
    assert doubt.next_step == "use a larger --source-vocab: --source-vocab 8 leaves a quarter of them"


@pytest.mark.parametrize("rule", ["words", "characters", "spaces"])
def test_each_rule_says_what_it_counts(tmp_path: Path, rule: str) -> None:
    asked = files(tmp_path, "Ab, c > X.", tokens=rule, sequence_length=9)
    found = data.load(asked)
    assert found.batches[0].source.lengths[0] == {"words": 3, "characters": 4, "spaces": 2}[rule]
    assert found.batches[0].target.lengths[0] == {"words": 3, "characters": 3, "spaces": 2}[rule]
    assert {"words": "UAX 29", "characters": "grapheme", "spaces": "tokens"}[rule] in found.count_rule


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "--source {0}/a.en, --target {0}/a.fr: expected words in lines of both, found none"),
        (
            ["a >", " > b"],
            "--source {0}/a.en, --target {0}/a.fr: expected words in lines of both, found none",
        ),
        (
            ["a b c d e f > x", "a > x y z w v u"],
            "--sequence-length 4: none of 2 pairs fits, and a translation cannot be cut; "
            "use --sequence-length 6 or more",
        ),
        (
            ["a > b c d e f"],
            "--sequence-length 4: the only pair does not fit, and a translation cannot be cut; "
            "use --sequence-length 6 or more",
        ),
    ],
)
def test_where_no_pair_can_be_used_it_is_said_why(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        data.load(files(tmp_path, *lines))
    assert str(caught.value) == message.format(tmp_path)


def test_the_suggested_length_is_enough_for_a_pair(tmp_path: Path) -> None:
    asked = files(tmp_path, "a b c d e f > x", "a > x y z w v u", sequence_length=6)
    assert data.load(asked).pairs == 1
