"""The machine of 2014 on paper: one GPU fitted, eight predicted, and what the prediction depends on. Pure."""

from dataclasses import replace
from math import inf

from pipebench.plan.actions import Operation
from pipebench.records.on_paper import ClaimOnPaper, Loss, MachineOnPaper, OnPaper, Step
from pipebench.records.timelines import device_usages
from pipebench.reproduction.assumptions import Assumptions
from pipebench.reproduction.cards import PLAUSIBLE, PaperMachine
from pipebench.reproduction.claims import (
    CLAIMS,
    PAIRS,
    PAPER_EIGHT_GPUS,
    PAPER_ONE_GPU,
    SOURCE_WORDS,
    TARGET_WORDS,
)
from pipebench.reproduction.predicting import Prediction, predicted
from pipebench.reproduction.sensitivities import carried_by, extremes, sensitivities
from pipebench.reproduction.work import LSTM_KERNELS, SOFTMAX_KERNELS


def on_paper() -> OnPaper:
    """What the paper's words/s of one GPU say of eight."""
    assumed = Assumptions()
    used = predicted(assumed)
    work, timeline = used.work, used.timeline
    found, (low, high) = sensitivities(assumed), extremes(assumed)
    source, target = work.lengths.steps
    return OnPaper(
        claims=[
            ClaimOnPaper(
                claim.reading,
                claim.text,
                claim.source,
                claim.ratio,
                used.ratio - claim.ratio if claim.reading == "paper" else None,  # its layout is simulated
            )
            for claim in CLAIMS.values()
        ],
        fitted_to_words_per_s=PAPER_ONE_GPU,
        claimed_words_per_s=PAPER_EIGHT_GPUS,
        step=Step(
            batch=work.slicing.batch,
            source_steps=source,
            target_steps=target,
            words=work.lengths.words,
            microbatches=work.slicing.microbatches,
            steps_each=work.slicing.steps_each,
            chunks=work.graph.chunks,
        ),
        machine=assumed.machine.name,
        efficiency=used.efficiency,
        words_per_s=used.words_per_s,
        ratio=used.ratio,
        low=low,
        high=high,
        machines=[_machine(assumed, machine) for machine in PLAUSIBLE],
        devices_used=work.graph.devices,
        losses=losses(used),
        unexplained=used.ratio / CLAIMS["paper"].ratio,
        makespan_s=timeline.makespan_s,
        devices=device_usages(timeline, work.layout.texts(work.outline)),
        softmax_rests=softmax_rests(used),
        sensitivities=found,
        carried_by=carried_by(found),
        notes=_notes(used),
    )


def _machine(assumed: Assumptions, machine: PaperMachine) -> MachineOnPaper:
    prediction = predicted(replace(assumed, machine=machine))
    return MachineOnPaper(
        name=machine.name,
        card_flops_per_s=machine.card.flops_per_s,
        memory_bytes_per_s=machine.card.bytes_per_s,
        link_bytes_per_s=machine.bus.link.bytes_per_s,
        link_latency_s=machine.bus.link.latency_s,
        source=f"{machine.card.source}; {machine.bus.name}: {machine.bus.source}",
        used=machine == assumed.machine,
        efficiency=prediction.efficiency,
        one_gpu_words_per_s=prediction.one_gpu_words_per_s,
        words_per_s=prediction.words_per_s,
        ratio=prediction.ratio,
        words_per_s_residual=prediction.words_per_s - PAPER_EIGHT_GPUS,
        ratio_residual=prediction.ratio - CLAIMS["paper"].ratio,
    )


def caps(prediction: Prediction) -> tuple[float, float]:
    """The ratios that the layout allows by operations alone: if no device ever waited, and if segments do not overlap.

    In the second case the busiest device of each segment sets the pace: the softmax rests while the encoder runs.
    """
    work = prediction.work
    flops = [
        [work.flops(device, segment) for device in range(work.graph.devices)]
        for segment in range(work.graph.segments)
    ]
    total, by_device = sum(map(sum, flops)), [sum(segments) for segments in zip(*flops, strict=True)]
    return total / max(by_device), total / sum(map(max, flops))


def ideal(assumed: Assumptions) -> Prediction:
    """The prediction by operations alone: free messages and launches, a memory that takes no time."""
    card = replace(assumed.machine.card, bytes_per_s=inf)
    machine = replace(assumed.machine, card=card)
    return predicted(replace(assumed, machine=machine, launch_s=0.0), free_messages=True)


def losses(prediction: Prediction) -> list[Loss]:
    """The losses that lead from the number of devices to the predicted ratio."""
    balanced, in_turn = caps(prediction)
    steps = (
        ("unequal work: the softmax's devices have most", balanced),
        ("the softmax's rest while the encoder runs", in_turn),
        ("fill and drain of the wavefront", ideal(prediction.assumed).ratio),
        ("launches, the norm and the update", predicted(prediction.assumed, free_messages=True).ratio),
        ("messages", prediction.ratio),
    )
    found, before = [], float(prediction.work.graph.devices)
    for text, ratio in steps:
        found.append(Loss(text, before / ratio, ratio))
        before = ratio
    return found


def softmax_rests(prediction: Prediction) -> float:
    """The share of the step before the first work of the softmax's devices and after their last, on average."""
    graph, timeline = prediction.work.graph, prediction.timeline
    shards = range(graph.chain, graph.last_stage)
    spans = [[span for span in timeline.spans if span.action.stage == shard] for shard in shards]
    at_work_s = sum(
        max(span.end_s for span in each) - min(span.start_s for span in each)
        for each in [[span for span in own if span.action.operation in graph.operations] for own in spans]
    )
    return 1 - at_work_s / len(shards) / timeline.makespan_s


def _notes(prediction: Prediction) -> list[str]:
    work, lengths = prediction.work, prediction.work.lengths
    source, target = lengths.steps
    empty = sum(steps == 0 for steps in work.steps)
    launch_us = prediction.assumed.launch_s * 1e6
    return [
        f"a pair has {SOURCE_WORDS / PAIRS:.1f} and {TARGET_WORDS / PAIRS:.1f} words on average; steps are whole, so "
        f"{source} and {target} are simulated, and {lengths.words} words count",
        "all batches are taken for one of mean length: what a step takes is linear in its length",
        f"encoder and decoder have {work.graph.chunks_each} chunks each; {empty} of the encoder's are empty: no work, "
        "messages without bytes",
        "the sentences of a batch are taken to be equally long; what padding costs is in the efficiency",
        "one GPU computes step by step too, the softmax in one piece",
        f"kernels: {_kernels(LSTM_KERNELS)} of an LSTM layer's step, {_kernels(SOFTMAX_KERNELS)} of the softmax; "
        f"{launch_us:g} us each, which nothing hides",
        "the update reads gradients, and reads and writes parameters, as fast as the card's memory goes",
        "which values are plausible is our choice; what carries the prediction hangs on it",
    ]


def _kernels(counts: dict[Operation, int]) -> str:
    return f"{counts[Operation.FORWARD]} forward and {counts[Operation.BACKWARD]} backward"
