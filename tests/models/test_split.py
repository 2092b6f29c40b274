import torch

from pipebench.models.split import add_gradient, added_up


def test_gradients_of_several_stages_are_added_up_and_nobody_s_is_written_into() -> None:
    payloads = [(torch.full((2,), value),) for value in (1.0, 2.0, 4.0)]
    assert added_up(payloads).tolist() == [7.0, 7.0]
    assert [payload[0].tolist() for payload in payloads] == [[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]]
    assert added_up(payloads[:1]) is payloads[0][0]


def test_a_gradient_is_taken_or_added() -> None:
    parameter, gradient = torch.nn.Parameter(torch.zeros(2)), torch.ones(2)
    add_gradient(parameter, gradient)
    assert parameter.grad is gradient
    add_gradient(parameter, torch.ones(2))
    assert parameter.grad.tolist() == [2.0, 2.0]
