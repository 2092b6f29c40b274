"""A record of a run that ended before it knew all it was to measure."""

from pipebench.plan.device_kind import DeviceKind
from pipebench.records.schema import Failure
from pipebench.run.recording import ended_record
from pipebench.run.so_far import SoFar
from tests.builders import run_config

FAILURE = Failure(6, "it broke")


def test_gpus_that_no_rank_has_named_are_named_by_the_driver_not_by_the_cpu() -> None:
    so_far = SoFar(run_config(device="cuda", gpus=2), environment={"gpu0_name": "H100"})
    assert ended_record(so_far, "failed", FAILURE).device.names == ["H100", "unknown GPU"]
    so_far.device_names = ["NVIDIA H100", "NVIDIA H100"]
    assert ended_record(so_far, "failed", FAILURE).device.names == so_far.device_names


def test_a_run_that_ended_before_auto_was_settled_says_so() -> None:
    record = ended_record(SoFar(run_config(device="auto")), "failed", FAILURE)
    assert (record.config.device, record.device.kind, record.clock) == (
        "auto",
        DeviceKind.EMULATED,
        "virtual",
    )
    asked = ended_record(SoFar(run_config(device="cpu")), "failed", FAILURE)
    assert (asked.config.device, asked.device.kind, asked.clock) == ("cpu", DeviceKind.CPU, "wall")
