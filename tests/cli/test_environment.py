"""A record's environment states facts, through the installed command."""

import json
from pathlib import Path

from tests.cli.conftest import TINY, CompletedRun, Pipebench
from tests.foreign_malloc import foreign_malloc


def test_what_glibc_was_told_came_true(completed: CompletedRun) -> None:
    environment = completed.record["environment"]
    assert (environment["allocator_keeps_memory"], environment["allocator"]) == (True, "libc.so.6")
    assert environment["flush_denormal"] is True


def test_an_allocator_that_is_not_glibc_s_is_found_out(pipebench: Pipebench, tmp_path: Path) -> None:
    """It leaves glibc's ``mallopt`` in place, which says that all went well."""
    short = (*TINY, "--gpus", "2", "--layers", "2", "--launches", "1", "--steps", "1", "--warmup", "0")
    preloaded = foreign_malloc(tmp_path)
    ended = pipebench("run", *short, "--json", "-o", str(tmp_path / "runs"), LD_PRELOAD=preloaded)
    assert ended.code == 0, ended.err
    environment = json.loads(ended.out)["environment"]
    assert environment["allocator_keeps_memory"] is False
    assert environment["allocator"] == "foreign-malloc.so"
