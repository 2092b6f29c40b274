"""A dry run says of each option where its value came from."""

from pathlib import Path

import pytest

from pipebench.config.config_file import FILE
from tests.cli.inside import printed
from tests.cli.tomls import TINY, config, planned


def test_the_command_line_wins_and_each_value_says_where_it_came_from(tmp_path: Path) -> None:
    config(tmp_path, TINY + 'schedule = "1f1b"\nmicrobatches = 8\n')
    found = planned(tmp_path, "--schedule", "wavefront", "--gpus=4")
    assert found["--schedule"] == ("wavefront", "command line")
    assert found["--gpus"] == (4, "command line")
    assert found["--microbatches"] == (8, FILE)
    assert found["--synthetic"] == (True, FILE)
    assert found["--chunks"] == (8, "default")
    assert found["--output"] == ("results/runs", "default")


def test_the_report_of_a_dry_run_says_so_too(tmp_path: Path) -> None:
    code, out, _ = printed("run", "--dry-run", "--steps", "3", cwd=config(tmp_path, TINY))
    assert code == 0
    text = " ".join(out.decode().split())
    assert "command line --steps 3, --dry-run" in text
    assert f"{FILE} --gpus 2, --preset tiny, --synthetic" in text
    assert "default --device auto, --machine 2014, --schedule gpipe" in text


def test_how_many_devices_there_are_may_come_from_a_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    for name, value in {**told, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}.items():
        monkeypatch.setenv(name, value)
    config(tmp_path, TINY.replace("gpus = 2", "gpus = 5"))
    assert planned(tmp_path)["--gpus"] == (2, "environment")
    assert planned(tmp_path, "--gpus", "2")["--gpus"] == (2, "command line")
