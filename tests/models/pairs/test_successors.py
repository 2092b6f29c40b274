import hashlib
import platform
import sys
from types import SimpleNamespace

import pytest

from pipebench.errors import EnvironmentRefusedError
from pipebench.models.pairs.successors import Successors
from pipebench.models.text.asked import TokenRule


def read(monkeypatch: pytest.MonkeyPatch, rule: TokenRule = "words", **topics: str) -> list[tuple[str, str]]:
    """Pairs as text, words between spaces."""
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", SimpleNamespace(topics=topics))
    return [(" ".join(source), " ".join(target)) for source, target in Successors(rule).pairs()]


def test_each_sentence_is_followed_by_the_next_of_its_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, b="Four. Five.", a="One. Two!\n\n\n\nThree\n", c="Six")
    assert found == [("One .", "Two !"), ("Two !", "Three"), ("Four .", "Five .")]


def test_a_pair_that_several_topics_share_comes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, a="One. Two. Three.", b="One. Two. Four.", c="One Two. Three.")
    assert found == [
        ("One .", "Two ."),
        ("Two .", "Three ."),
        ("Two .", "Four ."),
        ("One Two .", "Three ."),
    ]


def test_with_spaces_a_line_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, "spaces", a="One. Two.\nThree") == [("One. Two.", "Three")]


def test_it_says_which_python_and_hashes_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydoc_data.topics import topics

    origin = Successors("words")
    assert sum(1 for _ in origin.pairs()) > 2000
    told = origin.told()
    assert (
        told.text == f"pydoc_data.topics of Python {platform.python_version()}, each sentence with the next"
    )
    text = "\n\n".join(topics[name] for name in sorted(topics))
    assert told.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert origin.kind == "pydoc_data.topics"


def test_a_python_without_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(EnvironmentRefusedError) as caught:
        list(Successors("words").pairs())
    assert str(caught.value) == (
        "this Python carries no pydoc_data.topics, the default text: use --source FILE --target FILE or --synthetic"
    )
