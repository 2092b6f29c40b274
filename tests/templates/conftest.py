from pathlib import Path

import pytest

from tests.templates.jobs import FAKE_PYTHON, Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository", [])
    made.folder.mkdir()
    made.git("init", "--quiet", "--initial-branch", "main")
    for text in (None, "torch 1", "torch 2"):
        made.commit(text)
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    (fakes / "python3").write_text(FAKE_PYTHON)
    (fakes / "python3").chmod(0o755)
    return made
