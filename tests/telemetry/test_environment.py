from pathlib import Path

import pytest

from pipebench.telemetry import environment


def test_the_block_holds_plain_values_and_no_more_names_than_listed() -> None:
    block = environment.environment()
    assert all(isinstance(value, str | int | float | bool | None) for value in block.values())
    assert block.keys() == {
        *("pipebench", "python", "implementation", "system", "release", "architecture", "libc"),
        *("cpu_model", "cpu_count", "cpus_allowed"),
        *("memory_bytes", "memory_available_bytes", "load_average_1min"),
    }


def test_what_the_system_does_not_tell_is_none_or_asked_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: Path, **options: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    block = environment.environment()
    assert block["memory_bytes"] is None
    assert block["memory_available_bytes"]  # all memory, from sysconf
    assert block["cpu_model"]
