"""A made-up record for the gate's self-test: nothing of it was measured.

Two devices, six launches that spread by less than 1 %; its figures are those of its samples, as in any record.
"""

from pipebench.plan.device_kind import DeviceKind
from pipebench.records import summary
from pipebench.records.config import Config, Input, Optimizer
from pipebench.records.devices import Device
from pipebench.records.figures import Baseline, Bubble, DeviceUsage, Pipeline, Verification
from pipebench.records.launches import Launch, PipelineSamples, Samples
from pipebench.records.run import CompletedRun
from pipebench.records.spans import SpanRecord, TimelineRecord

_WORDS = 512.0
_BASELINE_S, _PIPELINE_S = 2.0, 1.25
_BUBBLE = 0.25
_SPREAD = (0.997, 1.002, 1.0, 0.999, 1.003, 1.001)


def specimen() -> CompletedRun:
    """Make the record: a completed run as it could have been."""
    launches = [_launch(_BASELINE_S * factor, _PIPELINE_S * factor**2) for factor in _SPREAD]
    baseline_s, pipeline_s = summary.baseline_step_s(launches), summary.pipeline_step_s(launches)
    measured = summary.speedup(launches)
    return CompletedRun(
        id="specimen",
        created="2014-12-08T00:00:00+00:00",
        status="completed",
        device=Device(kind=DeviceKind.EMULATED, count=2, names=["specimen", "specimen"]),
        clock="virtual",
        machine=None,
        config=_config(len(launches)),
        baseline=Baseline("fused", 1, baseline_s, _WORDS / baseline_s, [], items_per_s=_WORDS / baseline_s),
        pipeline=Pipeline(pipeline_s, _WORDS / pipeline_s, _WORDS / pipeline_s),
        speedup=measured,
        efficiency=measured.value / 2,
        verification=Verification(0.0, 1e-5, 1.0, 1.0),
        bubble=Bubble(_BUBBLE),
        launches=launches,
        devices=[
            DeviceUsage(
                0, "LSTM 0", busy_s=1.0, waiting_s=0.0, transfer_s=0.0, idle_s=0.0, activations_alive=1
            ),
            DeviceUsage(
                1, "LSTM 1", busy_s=0.5, waiting_s=0.0, transfer_s=0.0, idle_s=0.5, activations_alive=1
            ),
        ],
        timeline=TimelineRecord(
            "virtual",
            1.0,
            [SpanRecord(0, "0F0", 0.0, 1.0), SpanRecord(1, "1F0", 0.5, 1.0)],
            [],
            [],
        ),
        warnings=[],
        environment={},
    )


def _launch(baseline_s: float, pipeline_s: float) -> Launch:
    return Launch(
        baseline=Samples([baseline_s]),
        pipeline=PipelineSamples([pipeline_s], [2 * (1 - _BUBBLE) * pipeline_s**0.99]),
        blocks=[],
        page_faults=0,
        wall_per_cpu=1.0,
        peaks_bytes=[2**20, 2**21],
    )


def _config(launches: int) -> Config:
    return Config(
        gpus=2,
        device=DeviceKind.EMULATED.value,
        machine="2014",
        preset="tiny",
        layers=2,
        hidden=32,
        vocab=200,
        batch=32,
        sequence_length=16,
        dtype="float32",
        schedule="gpipe",
        microbatches=1,
        chunks=1,
        partition=[1, 1],
        partition_rule="even",
        text=None,
        synthetic=True,
        launches=launches,
        steps=1,
        warmup=0,
        seed=0,
        deadline_s=None,
        emulation_order="dependence",
        optimizer=Optimizer(learning_rate=0.1),
        input=Input("synthetic", "0" * 64, 512, 200, _WORDS, "specimen", items_per_step=_WORDS),
    )
