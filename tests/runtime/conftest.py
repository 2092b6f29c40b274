import multiprocessing
from collections.abc import Iterator

import pytest

from tests.runtime.live_ranks import Group


@pytest.fixture(scope="session")
def live_ranks() -> Iterator[Group]:
    group = Group()
    yield group
    group.stop()
    assert not multiprocessing.active_children()
