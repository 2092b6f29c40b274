"""The link between two real processes, as a run measures it."""

import time

import pytest

from pipebench.launching import messages
from pipebench.launching.launcher import Launcher
from pipebench.models.text import data
from tests.builders import run_config


@pytest.fixture(scope="module")
def reports() -> list[messages.AnyMessage]:
    config = run_config(machine="local", synthetic=True)
    job = messages.Job(config=config, data=data.load(config), task=messages.Task.LINK)
    return list(Launcher(deadline=time.monotonic() + 60).run(job))


def test_one_link_comes_of_it_with_every_size_in_order(reports: list[messages.AnyMessage]) -> None:
    (found,) = [message.link for message in reports if isinstance(message, messages.LinkTimes)]
    sizes = [time.size_bytes for time in found.times]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (4, 2**24)
    assert found.backend == "gloo over loopback"
    assert found.cores in {1, 2}
    for measured in found.times:
        assert 0 < measured.cpu_s < 60
        assert 0 < measured.ping_pong_s < 60
        assert 0 < measured.one_way_s < 60
    # 16 MiB cost some thousand times the CPU time of 4 bytes; how soon they arrive is also the other programs' affair
    assert found.times[-1].cpu_s > found.times[0].cpu_s


def test_progress_is_told(reports: list[messages.AnyMessage]) -> None:
    shares = [message.share for message in reports if isinstance(message, messages.Progress)]
    assert shares == sorted(shares)
    assert len(shares) >= 5
