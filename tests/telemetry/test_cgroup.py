from pathlib import Path

import pytest

from pipebench.telemetry import cgroup
from tests.telemetry.hierarchies import version_1, version_2, write

GIB = 2**30
UNLIMITED = "9223372036854771712\n"


def test_where_there_are_no_groups_nothing_is_limited(tmp_path: Path) -> None:
    assert cgroup.quota_cores(tmp_path) is None
    assert cgroup.memory_limit_bytes(tmp_path) is None
    assert cgroup.memory_left_bytes(tmp_path) is None
    assert cgroup.throttled_s(tmp_path) is None


def test_here_the_answers_are_plausible() -> None:
    for number in (cgroup.quota_cores(), cgroup.memory_limit_bytes()):
        assert number is None or number > 0


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000\n", None), ("50000 100000\n", 0.5), ("300000 200000\n", 1.5), ("", None), ("1 0\n", None)],
)
def test_a_quota_of_version_2(tmp_path: Path, text: str, cores: float | None) -> None:
    assert cgroup.quota_cores(version_2(tmp_path, job__step__cpu___max=text)) == cores


@pytest.mark.parametrize(
    ("quota", "cores"), [("-1\n", None), ("100000\n", 1.0), ("250000\n", 2.5), ("", None)]
)
def test_a_quota_of_version_1(tmp_path: Path, quota: str, cores: float | None) -> None:
    root = version_1(
        tmp_path,
        cpu__docker__abc__cpu___cfs_quota_us=quota,
        cpu__docker__abc__cpu___cfs_period_us="100000\n",
    )
    assert cgroup.quota_cores(root) == cores


def test_the_tightest_group_on_the_way_up_counts(tmp_path: Path) -> None:
    root = version_2(
        tmp_path,
        job__step__cpu___max="400000 100000\n",
        job__cpu___max="150000 100000\n",
        cpu___max="max 100000\n",
        job__step__memory___max="max\n",
        job__memory___max=f"{2 * GIB}\n",
        job__memory___current=f"{GIB}\n",
    )
    assert cgroup.quota_cores(root) == 1.5
    assert cgroup.memory_limit_bytes(root) == 2 * GIB
    assert cgroup.memory_left_bytes(root) == GIB


def test_groups_above_count_in_version_1_too(tmp_path: Path) -> None:
    root = version_1(
        tmp_path,
        cpu__docker__abc__cpu___cfs_quota_us="-1\n",
        cpu__docker__abc__cpu___cfs_period_us="100000\n",
        cpu__docker__cpu___cfs_quota_us="200000\n",
        cpu__docker__cpu___cfs_period_us="100000\n",
        memory__docker__abc__memory___limit_in_bytes=UNLIMITED,
        memory__docker__memory___limit_in_bytes=f"{4 * GIB}\n",
        memory__docker__memory___usage_in_bytes=f"{3 * GIB}\n",
        memory__docker__memory___stat=f"cache 1\ntotal_inactive_file {2 * GIB}\n",
    )
    assert cgroup.quota_cores(root) == 2.0
    assert cgroup.memory_limit_bytes(root) == 4 * GIB
    assert cgroup.memory_left_bytes(root) == 3 * GIB  # files that were read may be dropped


def test_the_group_with_the_least_left_decides_not_the_one_with_the_least_limit(tmp_path: Path) -> None:
    root = version_2(
        tmp_path,
        job__step__memory___max=f"{2 * GIB}\n",
        job__step__memory___current="0\n",
        job__memory___max=f"{8 * GIB}\n",
        job__memory___current=f"{7 * GIB}\n",
        job__memory___stat="anon 5\ninactive_file 0\n",
    )
    assert cgroup.memory_limit_bytes(root) == 2 * GIB
    assert cgroup.memory_left_bytes(root) == GIB


def test_more_used_than_the_limit_leaves_nothing(tmp_path: Path) -> None:
    root = version_2(tmp_path, job__memory___max="100\n", job__memory___current="200\n")
    assert cgroup.memory_left_bytes(root) == 0


def test_no_limit_of_version_1_is_a_very_large_one(tmp_path: Path) -> None:
    root = version_1(tmp_path, memory__docker__abc__memory___limit_in_bytes=UNLIMITED)
    assert cgroup.memory_limit_bytes(root) is None
    assert cgroup.memory_left_bytes(root) is None


@pytest.mark.parametrize("version", [version_1, version_2])
def test_a_container_that_sees_only_its_own_group_under_its_name_outside(
    tmp_path: Path, version: object
) -> None:
    """Its path in /proc is from outside; what is mounted is the group itself."""
    assert callable(version)
    files = (
        {"cpu__cpu___cfs_quota_us": "50000", "cpu__cpu___cfs_period_us": "100000"}
        if version is version_1
        else {"cpu___max": "50000 100000"}
    )
    assert cgroup.quota_cores(version(tmp_path / "a", group="/docker/x", mounted="/docker/x", **files)) == 0.5
    assert cgroup.quota_cores(version(tmp_path / "b", group="/docker/x", mounted="/", **files)) == 0.5
    assert cgroup.quota_cores(version(tmp_path / "c", group="/../../x", mounted="/", **files)) == 0.5


def test_a_place_with_a_space_in_its_name(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        proc__self__cgroup="0::/\n",
        proc__self__mountinfo="31 23 0:28 / /my\\040groups rw - cgroup2 none rw\n",
    )
    (root / "my groups").mkdir()
    (root / "my groups" / "cpu.max").write_text("100000 100000\n")
    assert cgroup.quota_cores(root) == 1.0


def test_for_how_long_a_quota_held_back(tmp_path: Path) -> None:
    two = version_2(
        tmp_path / "2",
        job__step__cpu___max="50000 100000\n",
        job__step__cpu___stat="usage_usec 9\nnr_throttled 3\nthrottled_usec 2500000\n",
    )
    assert cgroup.throttled_s(two) == 2.5
    one = version_1(
        tmp_path / "1",
        cpu__docker__abc__cpu___cfs_quota_us="50000\n",
        cpu__docker__abc__cpu___cfs_period_us="100000\n",
        cpu__docker__abc__cpu___stat="nr_periods 9\nthrottled_time 1500000000\n",
    )
    assert cgroup.throttled_s(one) == 1.5
    free = version_2(tmp_path / "3", job__step__cpu___stat="throttled_usec 2500000\n")
    assert cgroup.throttled_s(free) is None


@pytest.mark.parametrize("text", ["garbage", "0", "0:", ":::", "1:cpu", "x:y:/\n0::", "\udcff:cpu:/"])
def test_odd_lines_limit_nothing(tmp_path: Path, text: str) -> None:
    root = write(tmp_path, proc__self__mountinfo="31 23\n\n- x\n31 23 0:28 / /x rw - cgroup2\n")
    (root / "proc/self/cgroup").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert cgroup.quota_cores(root) is None
    assert cgroup.memory_left_bytes(root) is None
