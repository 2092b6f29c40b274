import pytest

from pipebench.records.figures import Verification
from tests.diagnosis.test_warnings import found


def vanished(*names: str) -> Verification:
    return Verification(1e-7, 1e-5, 5.3, 5.3, 35, vanishing=list(names))


@pytest.mark.parametrize(
    ("names", "where"),
    [
        (("embedding.weight", "lstm.0.weight_ih_l0", "lstm.2.weight_hh_l0"), "embedding + LSTM 0-2"),
        (("lstm.1.bias_ih_l0",), "LSTM 1"),
        (("blocks.0.key.bias",), "blocks.0.key.bias"),
    ],
)
def test_vanishing_gradients_are_told_with_their_place(names: tuple[str, ...], where: str) -> None:
    cause, next_step = found(verification=vanished(*names))["vanishing-gradients"]
    assert f"the gradients of {len(names)} of 35 tensors vanish ({where})" in cause
    assert "--layers" in next_step


def test_recurrent_weights_of_sequences_of_one_word_have_no_gradient_to_vanish() -> None:
    recurrent = ("lstm.0.weight_hh_l0", "lstm.1.weight_hh_l0")
    one_word = {"sequence_length": 1, "chunks": 1}
    assert found(verification=vanished(*recurrent), **one_word) == {}
    more = found(verification=vanished("embedding.weight", *recurrent), **one_word)
    assert "the gradients of 1 of 35 tensors vanish (embedding)" in more["vanishing-gradients"][0]
    assert "vanishing-gradients" in found(verification=vanished(*recurrent))
