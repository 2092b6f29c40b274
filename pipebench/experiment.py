"""The experiment: config -> plan -> check -> launch -> record. The only place that knows the whole order.

Whatever ends a run, every complete launch goes into a record: ``completed``, ``failed`` (it broke) or
``aborted`` (a signal, the deadline).
"""

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from pipebench import budget, partition, signals, summary
from pipebench.config import RunConfig
from pipebench.errors import (
    DeadlineError,
    InterruptedRunError,
    PipebenchError,
    RunFailedError,
    TerminatedRunError,
)
from pipebench.models import data as words
from pipebench.partition import stage_layers
from pipebench.plan.check import check
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.records import schema, store
from pipebench.records.timelines import bubble, device_usages, timeline_from
from pipebench.runtime import messages
from pipebench.runtime.launcher import Launcher
from pipebench.telemetry.environment import cpu_model, cpus_allowed, environment, memory_available_bytes
from pipebench.timing.costs import UniformCosts
from pipebench.timing.machines import machine_named
from pipebench.timing.simulator import simulate


class Listener(Protocol):
    """Who watches a run."""

    def progress(self, doing: str, share: float) -> None:
        """What is being measured, and the share (0 to 1) of the run's work that is done."""

    def notice(self, text: str) -> None:
        """A line that the user should see."""


class RunEndedError(Exception):
    """A run that did not complete: the cause, and the record that keeps its complete launches."""

    def __init__(self, cause: PipebenchError, path: Path, launches: int) -> None:
        super().__init__(str(cause))
        self.cause, self.path, self.launches = cause, path, launches


def run(config: RunConfig, *, folder: Path, listener: Listener) -> tuple[schema.RunRecord, Path]:
    """Measure one configuration on emulated devices, and store the record under ``folder``.

    Raises:
        PipebenchError: Nothing was started: bad input, or the machine refuses.
        RunEndedError: The run started and did not complete; its record is kept.
    """
    deadline = time.monotonic() + budget.deadline_s(config)
    budget.check_memory(config, memory_available_bytes())
    experiment = _Experiment(config, listener)
    try:
        experiment.prepare(folder)
        experiment.measure(Launcher(deadline=deadline))
        return experiment.store("completed", folder)
    except (InterruptedRunError, TerminatedRunError, DeadlineError, RunFailedError) as error:
        status = "failed" if isinstance(error, RunFailedError) else "aborted"
        failure = schema.Failure(exit_code=int(error.exit_code), message=str(error))
        record, path = experiment.store(status, folder, failure)
        raise RunEndedError(error, path, len(record.launches)) from error


def check_plan(config: RunConfig) -> None:
    """Check the plan and run it on paper before any device does."""
    plan = add_transfers(SCHEDULES[config.schedule].plan(config.graph))
    check(plan)
    simulate(plan, UniformCosts(1, 2))


class _Experiment:
    """What has been measured so far."""

    def __init__(self, config: RunConfig, listener: Listener) -> None:
        self.config, self.listener = config, listener
        self.data: words.Data | None = None
        self.created = store.now()
        self.environment = environment()
        self.verification: schema.Verification | None = None
        self.raced: messages.Raced | None = None
        self.launches: list[schema.Launch] = []
        self.timelines: list[schema.TimelineRecord] = []
        self.launch_weights = self._weights()
        self.stored: tuple[schema.RunRecord, Path] | None = None

    def prepare(self, folder: Path) -> None:
        """Read the words, check the plan and the folder; what is bad ends here, before anything starts.

        Raises:
            UsageError: The text is missing or not what it should be, or the folder is a file.
            EnvironmentRefusedError: The folder cannot be written.
        """
        self.data = words.load(self.config)
        check_plan(self.config)
        store.check_folder(folder)
        if self.config.device == "auto":
            self.listener.notice("device: emulated (auto; this version does not use GPUs)")

    def measure(self, launcher: Launcher) -> None:
        """All launches, one at a time."""
        if self.config.partition is None:
            self._balance(launcher)
        for number in range(self.config.launches):
            what = f"launch {number + 1} of {self.config.launches}"
            self._progress(number, f"{what}: starting", 0.0)
            with closing(launcher.run(self._job())) as reports:
                for message in reports:
                    self._take(message, number, what)
            if len(self.launches) != number + 1:
                raise RunFailedError(f"{what} ended without a result")

    def store(
        self, status: str, folder: Path, failure: schema.Failure | None = None
    ) -> tuple[schema.RunRecord, Path]:
        """Write everything so far as a record; a signal waits until that is done."""
        if self.stored is None:
            with signals.held():
                record = self.record(status, failure)
                self.stored = record, store.write(record, folder)
        return self.stored

    def record(self, status: str, failure: schema.Failure | None = None) -> schema.RunRecord:
        """Everything so far as a record."""
        created = self.created
        kind: Literal["cpu", "emulated"] = "cpu" if self.config.device == "cpu" else "emulated"
        base = schema.RunRecord(
            id=store.new_id(created, f"{kind}{self.config.gpus}-{self.config.schedule}"),
            created=created.isoformat(timespec="seconds"),
            status="failed",
            device=schema.Device(kind=kind, count=self.config.gpus, names=[cpu_model()] * self.config.gpus),
            clock="wall" if kind == "cpu" else "virtual",
            machine=self._machine(),
            config=self._config(),
            baseline=None,
            pipeline=None,
            speedup=None,
            efficiency=None,
            verification=self.verification,
            bubble=None,
            launches=self.launches,
            devices=[],
            timeline=None,
            warnings=[],
            environment=self.environment,
            failure=failure,
        )
        figures = self._figures() if self.launches else {}
        return msgspec.structs.replace(base, status=status, **figures)

    # measuring

    def _job(self) -> messages.Job:
        assert self.data is not None
        return messages.Job(
            config=self.config,
            data=self.data,
            form=self.raced.form if self.raced else None,
            host_flops_per_s=self.raced.host_flops_per_s if self.raced else None,
        )

    def _balance(self, launcher: Launcher) -> None:
        """Measure the layers, then decide the partition."""
        with closing(launcher.run(self._job())) as reports:
            for message in reports:
                match message:
                    case messages.Progress():
                        self.listener.progress(message.doing, 0.0)
                    case messages.LayerCosts():
                        counts = partition.balanced(
                            message.layers, self.config.gpus, projection=message.projection
                        )
                        self.config = msgspec.structs.replace(self.config, partition=counts)
        if self.config.partition is None:
            raise RunFailedError("measuring the layers ended without a result")

    def _take(self, message: messages.AnyMessage, number: int, what: str) -> None:
        match message:
            case messages.Progress():
                self._progress(number, f"{what}: {message.doing}", message.share)
            case messages.Environment():
                self.environment |= message.values
            case messages.Verified():
                self.verification = message.verification
            case messages.Raced():
                self.raced = message
            case messages.Measured():
                self.launches.append(message.launch)
                self.timelines += message.timelines

    def _weights(self) -> list[float]:
        """The share of the run's time that each launch is expected to take."""
        total = budget.run_s(self.config)
        later = budget.launch_s(self.config) / total
        return [1 - later * (self.config.launches - 1)] + [later] * (self.config.launches - 1)

    def _progress(self, number: int, doing: str, share: float) -> None:
        done = sum(self.launch_weights[:number]) + share * self.launch_weights[number]
        self.listener.progress(doing, done)

    # the record's parts

    def _config(self) -> schema.Config:
        given = msgspec.structs.asdict(self.config)
        rate = given.pop("learning_rate")
        return schema.Config(
            **{**given, "partition": list(self.config.partition) if self.config.partition else None},
            optimizer=schema.Optimizer(learning_rate=rate),
            input=self._input(),
        )

    def _input(self) -> schema.Input | None:
        """What is counted as words/s; ``None`` if the run ended before the words were read."""
        if self.data is None:
            return None
        timed = [self.data.batches[n % words.BATCHES].words for n in range(self.config.steps)]
        return schema.Input(
            kind=self.data.kind,
            sha256=self.data.sha256,
            tokens=self.data.tokens,
            vocabulary=self.data.vocabulary,
            words_per_step=sum(timed) / len(timed),
            count_rule=words.COUNT_RULE,
        )

    def _machine(self) -> schema.MachineRecord | None:
        if self.config.device == "cpu":
            return None
        machine = machine_named(self.config.machine)
        host = self.raced.host_flops_per_s if self.raced else None
        dilation = machine.time_dilation(host) if host else None
        dilated = machine.link.dilated(dilation) if dilation else None
        return schema.MachineRecord(
            name=machine.name,
            card=machine.card,
            source=machine.source,
            card_flops_per_s=machine.flops_per_s,
            host_flops_per_s=host,
            time_dilation=dilation,
            link=schema.LinkRecord(
                latency_s=machine.link.latency_s,
                bytes_per_s=machine.link.bytes_per_s,
                host_latency_s=dilated.latency_s if dilated else None,
                host_bytes_per_s=dilated.bytes_per_s if dilated else None,
            ),
        )

    def _figures(self) -> dict[str, object]:
        """Every part of the record that is computed from launches."""
        assert self.raced is not None
        assert self.config.partition is not None
        step_s = summary.pipeline_step_s(self.launches)
        stored = summary.nearest(self.timelines, step_s)
        timeline = timeline_from(stored, self.config.graph)
        devices = device_usages(
            timeline,
            [layers.text() for layers in stage_layers(self.config.partition)],
            budget.device_memory(self.config, self.config.partition),
        )
        measured = summary.speedup(self.launches)
        return {
            "baseline": self._baseline(self.raced),
            "pipeline": schema.Pipeline(step_s=step_s, words_per_s=self._words_per_s(step_s)),
            "speedup": measured,
            "efficiency": measured.value / self.config.gpus,
            "bubble": bubble(timeline),
            "devices": devices,
            "timeline": stored,
            "warnings": self._warnings(devices, measured),
        }

    def _baseline(self, raced: messages.Raced) -> schema.Baseline:
        step_s = summary.baseline_step_s(self.launches)
        return schema.Baseline(
            kind=raced.form.kind,
            microbatches=raced.form.microbatches,
            step_s=step_s,
            words_per_s=self._words_per_s(step_s),
            candidates=raced.candidates,
        )

    def _words_per_s(self, step_s: float) -> float:
        counted = self._input()
        assert counted is not None
        return counted.words_per_step / step_s

    def _warnings(
        self, devices: Sequence[schema.DeviceUsage], measured: schema.Speedup
    ) -> list[schema.WarningRecord]:
        assert self.data is not None
        return summary.warnings(
            self.config,
            self.launches,
            devices,
            measured,
            repeated_text=self.data.repeated,
            cpus_allowed=cpus_allowed(),
            time_dilation=machine.time_dilation if (machine := self._machine()) else None,
        )
