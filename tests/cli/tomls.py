"""Files with options, and what a dry run makes of them."""

import json
from pathlib import Path

from pipebench.config.config_file import FILE
from tests.cli.inside import printed

TINY = '[run]\npreset = "tiny"\nsynthetic = true\ngpus = 2\n'
DRY = ("run", "--dry-run", "--json")


def config(folder: Path, text: str, name: str = FILE) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def planned(folder: Path, *arguments: str) -> dict[str, tuple[object, str]]:
    """The value of each option of a dry run, and where it came from."""
    code, out, err = printed(*DRY, *arguments, cwd=folder)
    assert code == 0, err
    return {each["option"]: (each["value"], each["came_from"]) for each in json.loads(out)["options"]}
