from math import inf, nan
from typing import Any

import pytest

from pipebench.config.choices import check_choices
from pipebench.config.run_config import RunOptions
from pipebench.errors import UsageError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float16"}, "unknown --dtype 'float16': expected one of float32, float64"),
        ({"checkpoint": "some"}, "unknown --checkpoint 'some': expected one of none, always, except-last"),
        ({"device": "tpu"}, "unknown --device 'tpu': expected one of auto, cuda"),
        ({"emulation_order": "sideways"}, "'sideways': expected one of device, dependence"),
        ({"machine": "2014", "device": "cuda"}, "--machine is for emulated devices"),
        ({"text": "a.txt", "synthetic": True}, "--text and --synthetic exclude each other"),
        (
            {"deadline_s": 0.0},
            "--deadline must be a number of seconds above 0 and at most 31622400 (a year), got 0.0",
        ),
        ({"deadline_s": -1.0}, "--deadline must be a number of seconds above 0"),
        ({"deadline_s": nan}, "--deadline must be a number of seconds above 0"),
        ({"deadline_s": inf}, "--deadline must be a number of seconds above 0"),
    ],
)
def test_an_unknown_word_or_two_that_exclude_each_other_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_choices(RunOptions(**options))
    assert message in str(caught.value)


def test_what_is_known_passes() -> None:
    check_choices(
        RunOptions(dtype="float64", device="cpu", checkpoint="always", partition="3,5", deadline_s=1.5)
    )
