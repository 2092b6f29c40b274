"""Libraries that the run found, and do not work in a later launch."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.launching import messages
from pipebench.measuring.blocks import time_blocks
from pipebench.measuring.libraries import differ
from pipebench.measuring.pair import EmulatedPair
from pipebench.models.stacked_lstm.split.products import LIBRARIES, Packed, found_products
from tests.builders import network_of, run_config

TOLD = {"onednn_projection": False} | found_products(LIBRARIES[2])
USUAL = {"onednn_projection": False} | found_products(LIBRARIES[0])

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("told", "found", "cell", "expected"),
    [
        (TOLD, TOLD, "split", False),
        (TOLD, USUAL, "split", True),
        (TOLD, USUAL, "fused", False),
        (None, USUAL, "split", False),
        (USUAL, USUAL | {"more": True}, "split", False),
    ],
)
def test_what_is_used_against_what_was_told(
    told: dict[str, bool] | None, found: dict[str, bool], cell: str, expected: bool
) -> None:
    config = msgspec.structs.replace(run_config(cell=cell), found=told)
    assert differ(found, config) is expected


def later_launch() -> RunConfig:
    """What the second launch of a run is told, whose first one found the packed library."""
    sizes = {"layers": 2, "hidden": 6, "vocab": 21, "batch": 4, "sequence_length": 4, "gpus": 2}
    options: dict[str, Any] = {
        "microbatches": 2,
        "partition": "1,1",
        "cell": "split",
        "synthetic": True,
        "steps": 1,
    }
    return msgspec.structs.replace(resolve(RunOptions(**(sizes | options))), found=TOLD)


@pytest.mark.parametrize("works", [True, False])
def test_a_launch_reports_that_it_used_another_one(monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    if not works:
        monkeypatch.setattr(Packed, "by", refuse)
    asked = later_launch()
    job = messages.Job(config=asked, data=None, form=messages.Form("fused"), host_flops_per_s=1e9)
    pair = EmulatedPair(job, network_of(asked))
    pair.choose(messages.Form("fused"))
    reports: list[messages.Message] = []
    time_blocks(job, 0, [pair], reports.append)
    (measured,) = (each for each in reports if isinstance(each, messages.Measured))
    assert measured.launch.other_library == (UNSET if works else [0])
    assert pair.network.found == (TOLD if works else USUAL)


def refuse(*_: object) -> object:
    raise RuntimeError("could not create a primitive descriptor")
