"""What docs/explain-torch.md shows is in the example; ``tests/foreign/torch_profiler/test_real_ranks.py`` runs it."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "explain-torch.md").read_text()
SCRIPT = (ROOT / "examples" / "torch-pipelining" / "record.py").read_text()


def lines(code: str) -> str:
    """The code without its indent, empty lines and remarks to linters."""
    stripped = (line.split("  # noqa")[0].strip() for line in code.splitlines())
    return "\n".join(line for line in stripped if line)


def test_the_code_of_the_page_is_the_code_that_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert lines(block) in lines(SCRIPT)


def test_the_command_of_the_page_is_the_one_of_the_script() -> None:
    [command] = re.findall(r"^torchrun .*$", PAGE, re.MULTILINE)
    assert command in SCRIPT
    for name in ("gpipe", "1f1b", "interleaved", "zero-bubble"):
        assert name in command
        assert f'"{name}"' in SCRIPT


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists()
