"""What the study measures: shapes x schedules on 2 devices, each on real ranks and emulated in two orders."""

from itertools import product
from typing import Any, NamedTuple

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions

# layers, hidden, vocab, batch, sequence length; timed steps, warm-up steps of a launch
SHAPES: dict[str, tuple[tuple[int, int, int, int, int], int, int]] = {
    "hidden-512": ((4, 512, 2000, 64, 16), 2, 1),
    "hidden-256": ((8, 256, 1000, 128, 32), 2, 1),  # the default preset
    "hidden-128": ((8, 128, 1000, 64, 32), 5, 2),
    "hidden-64": ((8, 64, 500, 32, 64), 5, 2),
}
SCHEDULES = ("gpipe", "1f1b", "wavefront")
VARIANTS: dict[str, dict[str, Any]] = {
    "real": {"device": "cpu"},
    "emulated": {"device": "emulated", "machine": "local"},
    "emulated-device-order": {"device": "emulated", "machine": "local", "emulation_order": "device"},
}
LAUNCHES = 6
GPUS = 2


class Cell(NamedTuple):
    """One shape under one schedule."""

    shape: str
    schedule: str

    @property
    def folder(self) -> str:
        """Where its records are, below the study's folder."""
        return f"{self.shape}/{self.schedule}"

    @property
    def variants(self) -> list[str]:
        """What runs in this cell; the other order of emulation is tried with one schedule."""
        return list(VARIANTS) if self.schedule == "gpipe" else ["real", "emulated"]

    def config(self, variant: str, *, gpus: int = GPUS, launches: int = LAUNCHES) -> RunConfig:
        """What one variant runs."""
        (layers, hidden, vocab, batch, sequence_length), steps, warmup = SHAPES[self.shape]
        return resolve(
            RunOptions(
                gpus=gpus,
                layers=layers,
                hidden=hidden,
                vocab=vocab,
                batch=batch,
                sequence_length=sequence_length,
                schedule=self.schedule,
                launches=launches,
                steps=steps,
                warmup=warmup,
                **VARIANTS[variant],
            )
        )


CELLS = [Cell(*pair) for pair in product(SHAPES, SCHEDULES)]
