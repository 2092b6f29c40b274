"""Where the noise of this machine is kept, a file for each machine and configuration: what ``calibrate`` found."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from pipebench.telemetry import cache

_FORMAT = 1

Key = Mapping[str, str | None]
Spread = Annotated[float, msgspec.Meta(ge=0, le=50)]


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """How much equal launches differ: the standard deviation of a metric's logarithm, by the metric's name."""

    created: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")]
    launches: Annotated[int, msgspec.Meta(ge=2)]
    key: dict[str, str | None]
    log_sd: dict[str, Spread]


def path(key: Key) -> Path:
    """The file of a machine and configuration."""
    digest = hashlib.sha256(repr((_FORMAT, sorted(key.items()))).encode()).hexdigest()[:16]
    return cache.folder() / f"noise-{digest}.json"


def load(key: Key) -> Noise | None:
    """What was found here before; ``None`` if nothing was, or the file is no good."""
    noise = cache.read(path(key), Noise)
    return noise if noise is not None and noise.key == dict(key) else None


def save(noise: Noise) -> Path | None:
    """Keep it; ``None`` where nothing can be written."""
    return cache.write(path(noise.key), msgspec.json.format(msgspec.json.encode(noise), indent=1) + b"\n")
