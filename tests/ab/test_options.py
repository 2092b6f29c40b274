import pytest

from pipebench.ab.options import own_model, values


def test_an_option_is_found_in_both_spellings_and_in_order() -> None:
    options = ["--text", "a", "--gpus", "2", "--text=b", "--text"]
    assert values(options, "--text") == ["a", "b", ""]
    assert values(options, "--tex") == []
    assert values([], "--text") == []


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ([], None),
        (["--model", "seq2seq"], None),
        (["--model", "a.py:m"], "a.py:m"),
        (["--model=a.py:m", "--model", "b.py:m"], "b.py:m"),
        (["--model", "a.py:m", "--model=seq2seq"], None),
    ],
)
def test_the_last_model_counts(options: list[str], model: str | None) -> None:
    assert own_model(options) == model
