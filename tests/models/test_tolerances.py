from pipebench.models.tolerances import gradient_tolerance


def test_what_is_added_up_in_another_order_is_allowed_more() -> None:
    assert gradient_tolerance("float32", "emulated", 4096) == gradient_tolerance("float32", "cpu", 1) == 1e-5
    assert gradient_tolerance("float32", "emulated", 8192) == 2e-5
    assert gradient_tolerance("float32", "cpu", 10**6) == gradient_tolerance("float32", "cuda", 1) == 1e-4
    assert gradient_tolerance("float64", "cuda", 10**6) == gradient_tolerance("float64", "cpu", 1) == 1e-10
