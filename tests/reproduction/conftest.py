import pytest

from pipebench.records.on_paper import OnPaper
from pipebench.reproduction.on_paper import on_paper


@pytest.fixture(scope="package")
def result() -> OnPaper:
    return on_paper()
