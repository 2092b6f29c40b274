from pathlib import Path

from pipebench.telemetry.starvation import processes_ended
from tests.telemetry.hierarchies import version_1, version_2, write


def test_nobody_counts(tmp_path: Path) -> None:
    assert processes_ended(tmp_path) is None


def test_machine_and_container_are_counted(tmp_path: Path) -> None:
    two = version_2(tmp_path / "2", job__memory___events="oom 9\noom_kill 2\n")
    assert processes_ended(two) == 2
    one = version_1(tmp_path / "1", memory__docker__abc__memory___oom_control="under_oom 0\noom_kill 1\n")
    assert processes_ended(write(one, proc__vmstat="pgfault 5\noom_kill 4\n")) == 5
