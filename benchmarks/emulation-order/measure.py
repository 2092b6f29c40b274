"""What each stage's work costs on a device of its own, and what it costs in either order of emulation.

    python benchmarks/emulation-order/measure.py [ROUNDS] > results/emulation-order/costs.jsonl
    python benchmarks/emulation-order/measure.py --table results/emulation-order/costs.jsonl

``alone``: one stage runs its actions of a step one after another, on inputs that were kept from a whole step, as a
device does whose core and caches are its own. The three are measured in turn, in one process, by CPU time.
"""

import json
import os
import sys
import time
from pathlib import Path
from statistics import median

from pipebench.launching import process

SHAPES = (
    (8, 64),
    (8, 128),
    (8, 256),
    (8, 512),
    (2, 256),
)  # devices, hidden; two layers a device where there are two
SCHEDULES = ("gpipe", "wavefront")
WAYS = ("alone", "dependence", "device")


def main() -> None:
    """Measure, or print the table of what was measured."""
    if sys.argv[1:2] == ["--table"]:
        table(Path(sys.argv[2]))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    process.keep_memory()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    process.pin(0)
    for devices, hidden in SHAPES:
        for schedule in SCHEDULES:
            for line in measured(devices, hidden, schedule, rounds):
                print(json.dumps(line), flush=True)


def measured(devices: int, hidden: int, schedule: str, rounds: int) -> list[dict[str, object]]:
    """Seconds of each stage's actions in a step, for each way and round."""
    import gc

    import torch

    from pipebench.config.resolving import resolve
    from pipebench.config.run_config import RunOptions
    from pipebench.engine.emulator import EmulatedPipeline
    from pipebench.models.registry import given_to, network_for
    from pipebench.plan.schedules import SCHEDULES as PLANS
    from pipebench.plan.transfers import add_transfers

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    config = resolve(RunOptions(gpus=devices, layers=8, hidden=hidden, schedule=schedule, device="emulated"))
    network = network_for(config, given_to(config).data)
    onednn = network.found["onednn_projection"]
    plan = add_transfers(PLANS[schedule].plan(config.graph))
    batch = network.batch(0, microbatches=config.microbatches, chunks=config.chunks)

    def pipeline(order: str) -> EmulatedPipeline:
        assert config.partition is not None
        made = EmulatedPipeline(plan, network, config.layout, order=order)
        made.prime(batch)
        return made

    pipelines = {order: pipeline(order) for order in ("dependence", "device")}
    alone = Alone(pipeline("dependence"), batch, network, config.layout)
    gc.collect()
    gc.disable()
    found: list[dict[str, object]] = []
    for number in range(-1, rounds):  # the first round warms up
        for way in WAYS:
            if way == "alone":
                seconds = [alone.stage_s(stage) for stage in range(devices)]
            else:
                costs = pipelines[way].step(batch, update=False)
                pipelines[way].release()
                seconds = [0.0] * devices
                for action, action_s in costs.actions.items():
                    seconds[action.stage] += action_s
            if number >= 0:
                shape = {"devices": devices, "hidden": hidden, "schedule": schedule, "onednn": onednn}
                found.append({**shape, "way": way, "round": number, "stages_s": seconds})
    gc.enable()
    return found


class Alone:
    """Every stage of a pipeline by itself, on the inputs and gradients of a whole step."""

    def __init__(self, pipeline, batch, network, layout) -> None:
        from pipebench.engine.stages import stages_of
        from pipebench.plan.actions import COMPUTE, Operation

        self.pipeline, self.batch, self.forward = pipeline, batch, Operation.FORWARD
        graph = pipeline.plan.graph
        stages = stages_of(
            dict(enumerate(pipeline.parts)), layout, pipeline.edges, graph, network=network, device=None
        )
        self.stages = [*stages.values()]
        self.programs = [[a for a in program if a.operation in COMPUTE] for program in pipeline.plan.programs]
        self.inputs: dict[object, object] = {}
        for stage in self.stages:
            stage.load(batch)
        from pipebench.engine.emulator import interleave

        for _, action in interleave(pipeline.plan, "dependence"):
            result = self._run(action, self.inputs.get(action))
            if result is not None:
                toward = 1 if action.operation is Operation.FORWARD else -1
                self.inputs[action._replace(stage=action.stage + toward)] = tuple(t.clone() for t in result)
        pipeline.release()

    def _run(self, action, given):
        stage = self.stages[action.stage]
        received = [] if given is None else [given]
        if action.operation is self.forward:
            return stage.forward(action.microbatch, action.chunk, received)
        below = stage.backward(action.microbatch, action.chunk, received)
        return below[0] if below else None

    def stage_s(self, stage: int) -> float:
        """CPU seconds of one stage's actions."""
        self.stages[stage].load(self.batch)
        begun = time.thread_time()
        for action in self.programs[stage]:
            self._run(action, self.inputs.get(action))
        spent = time.thread_time() - begun
        self.pipeline.release()
        return spent


def table(path: Path) -> None:
    """All stages together, the median of the rounds, and each order's ratio to the same round of ``alone``."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    print(
        "| devices | hidden | schedule | alone | dependence | device | dependence / alone | device / alone |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for key in dict.fromkeys((each["devices"], each["hidden"], each["schedule"]) for each in lines):
        of_shape = [each for each in lines if (each["devices"], each["hidden"], each["schedule"]) == key]
        total = {way: [sum(e["stages_s"]) for e in of_shape if e["way"] == way] for way in WAYS}
        ratios = {
            way: [one / alone for one, alone in zip(total[way], total["alone"], strict=True)]
            for way in WAYS[1:]
        }
        cells = [
            *map(str, key),
            *(f"{1000 * median(total[way]):.1f} ms" for way in WAYS),
            *(f"{median(r):.3f} ({min(r):.3f} to {max(r):.3f})" for r in ratios.values()),
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
