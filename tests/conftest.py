import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-faults", action="store_true", help="every fault on every rank in every phase")
    parser.addoption(
        "--write-golden", action="store_true", help="write tests/cli/golden/ anew; read the diff"
    )
