from pipebench.render.svg.element import document, picture
from pipebench.render.svg.frame import MARGIN, RIGHT, WIDTH, Heading, heading, notes
from tests.render.svg.drawn import assert_words_keep_apart, rects, words


def test_the_evidence_stands_in_a_frame_at_the_right() -> None:
    root = picture("", "", name="x")
    heading(root, Heading("title", "simulated", "plan"))
    (frame,) = rects(document(root, width=WIDTH, height=100), "badge")
    assert frame.right == RIGHT
    assert words(document(root, width=WIDTH, height=100), "evidence") == ["simulated"]


def test_a_long_title_leaves_room_for_the_evidence() -> None:
    root = picture("", "", name="x")
    y = heading(root, Heading("title " * 50, "wall clock, CUDA events", "plan " * 500))
    text = document(root, width=WIDTH, height=y + MARGIN)
    assert_words_keep_apart(text)
    (title,) = words(text, "title")
    assert title.endswith("…")
    assert len(words(text, "aside")) == 3


def test_notes_stand_below_each_other() -> None:
    root = picture("", "", name="x")
    y = notes(root, ["one", "two " * 100], 20)
    text = document(root, width=WIDTH, height=y + MARGIN)
    assert_words_keep_apart(text)
    assert words(text, "note")[0] == "one"
    assert " ".join(words(text, "note")[1:]) == ("two " * 100).strip()
