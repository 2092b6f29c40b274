from pipebench.models.tolerances import gradient_tolerance
from pipebench.plan.device_kind import DeviceKind

CUDA, CPU, EMULATED = DeviceKind


def test_what_is_added_up_in_another_order_is_allowed_more() -> None:
    assert gradient_tolerance("float32", EMULATED, 4096) == gradient_tolerance("float32", CPU, 1) == 1e-5
    assert gradient_tolerance("float32", EMULATED, 8192) == 2e-5
    assert gradient_tolerance("float32", CPU, 10**6) == gradient_tolerance("float32", CUDA, 1) == 1e-4
    assert gradient_tolerance("float64", CUDA, 10**6) == gradient_tolerance("float64", CPU, 1) == 1e-10
