from pathlib import Path

import pytest

from pipebench.telemetry import environment


def test_the_block_holds_plain_values_and_no_more_names_than_listed() -> None:
    block = environment.environment()
    assert all(isinstance(value, str | int | float | bool | None) for value in block.values())
    assert block.keys() == {
        *("pipebench", "python", "implementation", "system", "release", "architecture", "libc"),
        *("cpu_model", "cpu_count", "cpus_allowed", "cpu_quota_cores", "memory_limit_bytes"),
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


def test_memory_and_cores_are_what_the_tighter_of_machine_and_container_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environment.cgroup, "memory_left_bytes", lambda: 5 * 2**20)
    monkeypatch.setattr(environment.cgroup, "quota_cores", lambda: 0.5)
    assert environment.memory_available_bytes() == 5 * 2**20
    assert environment.usable_cores() == 0.5
    monkeypatch.setattr(environment.cgroup, "memory_left_bytes", lambda: 2**60)
    monkeypatch.setattr(environment.cgroup, "quota_cores", lambda: 10**6)
    assert environment.memory_available_bytes() == pytest.approx(
        environment._meminfo_bytes("MemAvailable") or environment._physical_bytes(), rel=0.2
    )
    assert environment.usable_cores() == environment.cpus_allowed()


def test_a_limit_that_is_unknown_binds_nobody() -> None:
    assert environment.least(None, None) is None
    assert environment.least(2, None) == environment.least(None, 2) == environment.least(3, 2) == 2
