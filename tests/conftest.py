import multiprocessing
import os
import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.live_ranks import Group


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of these tests alone: who else measures on this machine, and what is kept of it, is nothing to them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-faults", action="store_true", help="every fault on every rank in every phase")
    parser.addoption(
        "--write-golden", action="store_true", help="write tests/cli/golden/ anew; read the diff"
    )


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Whatever a test draws is the same in every session, alone or after others."""
    random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """What a test sets in the environment, a rank's network interface for instance, is not told to the next one."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch has one thread, as in a launch; with several, tiny models mostly wait for threads."""
    import torch  # most tests do without

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def live_ranks() -> "Iterator[Group]":
    """Real ranks that many tests use one after the other."""
    from tests.engine.live_ranks import Group  # torch, which most tests do without

    group = Group()
    yield group
    group.stop()
    assert not multiprocessing.active_children()
