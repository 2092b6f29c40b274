import torch

from pipebench.models.own.settings import restored


def test_what_the_user_s_code_sets_is_set_back() -> None:
    threads = torch.get_num_threads()
    with restored():
        torch.set_num_threads(threads + 1)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)
        torch.use_deterministic_algorithms(True)
    assert torch.get_num_threads() == threads
    assert torch.zeros(1).dtype == torch.float32
    assert torch.zeros(1).device.type == "cpu"
    assert torch.is_grad_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_it_is_set_back_after_an_error_too() -> None:
    try:
        with restored():
            torch.set_default_dtype(torch.float64)
            raise RuntimeError
    except RuntimeError:
        assert torch.get_default_dtype() == torch.float32
