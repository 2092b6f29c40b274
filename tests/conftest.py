import random
import sys

import pytest


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
