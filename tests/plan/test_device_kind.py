import json

import msgspec
import pytest

from pipebench.plan.device_kind import DeviceKind


def test_its_texts_are_those_of_options_and_records() -> None:
    assert list(map(str, DeviceKind)) == ["cuda", "cpu", "emulated"]
    assert f"{DeviceKind.CUDA}{2}" == "cuda2"
    assert json.dumps(DeviceKind.CPU) == msgspec.json.encode(DeviceKind.CPU).decode() == '"cpu"'
    assert msgspec.json.decode(b'"emulated"', type=DeviceKind) is DeviceKind.EMULATED
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'tpu'"):
        msgspec.json.decode(b'"tpu"', type=DeviceKind)


@pytest.mark.parametrize(
    ("kind", "real", "gpu", "core"),
    [
        (DeviceKind.CUDA, True, True, False),
        (DeviceKind.CPU, True, False, True),
        (DeviceKind.EMULATED, False, False, False),
    ],
)
def test_what_tells_them_apart(kind: DeviceKind, real: bool, gpu: bool, core: bool) -> None:
    assert (kind.is_real, kind.has_gpu, kind.takes_core) == (real, gpu, core)
