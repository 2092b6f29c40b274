"""Where the noise of this machine is kept, a file for each machine and configuration: what ``calibrate`` found."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from pipebench.errors import EnvironmentRefusedError
from pipebench.system import places
from pipebench.telemetry import cache

_FORMAT = 1

Key = Mapping[str, str | None]
Spread = Annotated[float, msgspec.Meta(ge=0, le=50)]


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """How much equal launches differ: the standard deviation of a metric's logarithm, by the metric's name.

    ``unit`` and ``baseline_devices`` are those of the launches; reports need them.
    """

    created: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")]
    launches: Annotated[int, msgspec.Meta(ge=2)]
    key: dict[str, str | None]
    log_sd: dict[str, Spread]
    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] = "words"
    baseline_devices: Annotated[int, msgspec.Meta(ge=1)] = 1


def path(key: Key) -> Path:
    """The file of a machine and configuration."""
    digest = hashlib.sha256(repr((_FORMAT, sorted(key.items()))).encode()).hexdigest()[:16]
    return cache.folder() / f"noise-{digest}.json"


def load(key: Key) -> Noise | None:
    """Load the noise that was found before; ``None`` if there is none, or the file is broken."""
    noise = cache.read(path(key), Noise)
    return noise if noise is not None and noise.key == dict(key) else None


def save(noise: Noise) -> Path:
    """Store the noise, and return the path of its file.

    Raises:
        EnvironmentRefusedError: The cache folder cannot be written.
    """
    target = path(noise.key)
    try:
        places.write_whole(target, msgspec.json.format(msgspec.json.encode(noise), indent=1) + b"\n")
    except OSError as error:
        told = places.not_written(target, error, "name another cache folder with XDG_CACHE_HOME")
        raise EnvironmentRefusedError(f"the calibration was not kept: {told}") from None
    return target
