from pathlib import Path

import msgspec
import pytest

from pipebench.comparison import noise_cache
from pipebench.comparison.noise_cache import Noise
from pipebench.errors import EnvironmentRefusedError

NOISE = Noise(created="2026-11-24T09:15:00", launches=8, key={"a": "1", "b": None}, log_sd={"speedup": 0.01})


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pipebench"


def test_it_comes_back_for_the_same_key_only() -> None:
    noise_cache.save(NOISE)
    assert noise_cache.load({"b": None, "a": "1"}) == NOISE
    assert noise_cache.load({"a": "1", "b": "x"}) is None


def test_what_was_kept_is_replaced(cache: Path) -> None:
    noise_cache.save(NOISE)
    newer = msgspec.structs.replace(NOISE, launches=12)
    noise_cache.save(newer)
    assert noise_cache.load(NOISE.key) == newer
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("field", [{"created": "\x1b[31m"}, {"log_sd": {"speedup": 700.0}}, {"launches": 1}])
def test_what_no_measurement_can_have_left_is_none(field: dict[str, object]) -> None:
    kept = noise_cache.save(NOISE)
    kept.write_bytes(msgspec.json.encode(msgspec.to_builtins(NOISE) | field))
    assert noise_cache.load(NOISE.key) is None


@pytest.mark.parametrize("text", ["", "{", '{"created": "x"}'])
def test_a_file_that_is_no_good_is_none(text: str) -> None:
    kept = noise_cache.save(NOISE)
    kept.write_text(text)
    assert noise_cache.load(NOISE.key) is None


def test_a_folder_that_cannot_be_made_keeps_nothing(cache: Path) -> None:
    cache.write_text("a file")
    with pytest.raises(EnvironmentRefusedError, match=r"was not kept: noise-.* a file is in the way"):
        noise_cache.save(NOISE)
    assert noise_cache.load(NOISE.key) is None
