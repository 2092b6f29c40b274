from dataclasses import replace
from typing import Any

import pytest

from pipebench.errors import UsageError
from pipebench.models.outline import whole
from pipebench.reproduction.assumptions import Assumptions, Lengths, Slicing
from pipebench.reproduction.cards import PLAUSIBLE
from pipebench.reproduction.claims import PAPER_ONE_GPU
from pipebench.reproduction.costs import fitted_efficiency, single_s, task_s
from pipebench.reproduction.work import Task, step_work

BASE = Assumptions()
UNDER: list[dict[str, Any]] = [
    {},
    *({"machine": machine} for machine in PLAUSIBLE),
    *({"launch_s": launch_s} for launch_s in (0.0, 5e-6, 20e-6, 500e-6)),
    {"kernels": 4.0},
    {"memory": False},
    {"softmax": 0.5},
    {"softmax": 2.0},
    {"pipelined": 0.7},
    {"all_rows": False},
    {"lengths": Lengths(28, 28)},
    {"slicing": Slicing(steps_each=4)},
]


@pytest.mark.parametrize("changes", UNDER)
def test_the_fit_gives_one_gpu_the_paper_s_speed(changes: dict[str, Any]) -> None:
    assumed = replace(BASE, **changes)
    work = step_work(assumed.lengths, Slicing())
    step_s = single_s(work, assumed, fitted_efficiency(assumed))
    assert work.words / step_s == pytest.approx(PAPER_ONE_GPU, rel=1e-14)


def test_without_launches_and_memory_the_efficiency_is_operations_over_peak() -> None:
    free = replace(BASE.machine.card, bytes_per_s=float("inf"))
    assumed = replace(BASE, launch_s=0.0, machine=replace(BASE.machine, card=free))
    work = step_work(assumed.lengths, Slicing())
    flops_per_s = work.outline.step_flops(whole(work.outline)) * PAPER_ONE_GPU / work.words
    assert fitted_efficiency(assumed) == pytest.approx(flops_per_s / free.flops_per_s)
    assert fitted_efficiency(assumed) == pytest.approx(0.178, abs=0.001)  # 0.76 of 4.29 TFLOP/s


def test_what_launches_take_the_products_must_make_up_for() -> None:
    fits = [fitted_efficiency(replace(BASE, launch_s=us / 1e6)) for us in (0, 5, 10, 20)]
    assert fits == sorted(fits)
    assert fits[0] < fits[-1]


def test_no_card_is_faster_than_its_peak() -> None:
    with pytest.raises(UsageError, match=r"1,700 words/s at its peak: expected cheaper launches"):
        fitted_efficiency(replace(BASE, launch_s=2e-3))


def test_a_task_is_bound_by_operations_or_by_memory_and_pays_for_its_kernels() -> None:
    card = BASE.machine.card
    task = Task(flops=card.flops_per_s, bytes=card.bytes_per_s, kernels=3)
    launches_s = 3 * BASE.launch_s
    assert task_s(task, BASE, 0.5) == pytest.approx(2 + launches_s)
    assert task_s(task, BASE, 2.0) == pytest.approx(1 + launches_s)
    assert task_s(task, replace(BASE, memory=False), 2.0) == pytest.approx(0.5 + launches_s)
    assert task_s(task._replace(softmax=True), replace(BASE, softmax=2.0), 0.25) == pytest.approx(
        2 + launches_s
    )
    assert task_s(task._replace(flops=0.0), replace(BASE, memory=False), 0.5) == pytest.approx(1 + launches_s)


def test_memory_bounds_a_batch_that_is_small_enough() -> None:
    efficiency = fitted_efficiency(BASE)
    steps = {
        batch: [
            single_s(step_work(BASE.lengths, Slicing(batch=batch)), replace(BASE, memory=memory), efficiency)
            for memory in (True, False)
        ]
        for batch in (4, 128)
    }
    assert steps[4][0] > 1.5 * steps[4][1]
    assert steps[128][0] == steps[128][1]
