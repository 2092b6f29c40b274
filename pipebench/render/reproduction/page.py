"""The page of a reproduction: each claim, what was measured here on what, the verdict, and where the rest went."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console, Group

from pipebench.records.reproduction import ReproductionRecord, VerdictOfClaim
from pipebench.records.schema import RunRecord
from pipebench.render.comparison.document import Block, Cell, Facts, Grid, cell
from pipebench.render.comparison.markdown import blocks_text
from pipebench.render.comparison.terminal import shown
from pipebench.render.comparison.words import Foreign
from pipebench.render.head import counts_text
from pipebench.render.reproduction.on_paper import on_paper_markdown, on_paper_report
from pipebench.render.units import percent, rate, seconds

_READINGS = {"talk": "the talk", "paper": "the paper"}


def report(record: ReproductionRecord, console: Console) -> Group:
    """The page in a terminal."""
    if record.on_paper is not None:
        return on_paper_report(record.on_paper)
    return shown(document(record), console)


def markdown(record: ReproductionRecord) -> str:
    """The page as Markdown."""
    if record.on_paper is not None:
        return on_paper_markdown(record.on_paper)
    return blocks_text(document(record))


def document(record: ReproductionRecord) -> list[Block]:
    """All that there is to say, in the order in which it is read."""
    blocks: list[Block] = [Facts(list(_head(record)))]
    for _, same in groupby(record.verdicts, key=lambda verdict: verdict.reading):
        verdicts = list(same)
        blocks += [Facts(list(_claim(record, verdicts[0]))), _grid(verdicts)]
        blocks.append(
            Facts([(verdict.pipeline, cell(_rest(verdict))) for verdict in verdicts if verdict.lost])
        )
    return [*blocks, Facts(list(_trust(record)))]


def _head(record: ReproductionRecord) -> Iterator[tuple[str, Cell]]:
    yield "the result of 2014", cell(f"reproduced here? {_in_a_word(record)}")
    if record.status != "completed":
        yield (
            record.status,
            cell(Foreign(record.failure.message if record.failure else "it did not complete")),
        )
    for run in record.runs[:1]:
        kind = "emulated devices, virtual time" if run.clock == "virtual" else "devices, wall clock"
        name = run.device.names[0] if run.device.names else "unknown"
        yield "here", cell(f"{run.device.count} {kind}, on ", Foreign(name))
    if record.took_s is not None and record.budget_s is not None:
        launches = counts_text([len(run.launches) for run in record.runs])
        budget = f"a budget of {record.budget_s:.0f} s, and three launches of each in any case"
        yield "effort", cell(f"{launches} launches of each in {seconds(record.took_s)}; {budget}")
    errors = [
        run.verification.max_relative_gradient_error for run in record.runs if run.verification is not None
    ]
    if errors:
        yield "verified", cell(f"gradients equal the single devices' to {max(errors):.1e}, in all pipelines")


def _in_a_word(record: ReproductionRecord) -> str:
    """All verdicts in a sentence; an emulation reproduces nothing."""
    found = list(dict.fromkeys(_verdict(verdict) for verdict in record.verdicts))
    if not found:
        return "nothing was measured"
    if all(verdict.evidence != "measured" for verdict in record.verdicts):
        return f"not by emulated devices, which can only agree with it: {', '.join(found)}"
    return ", ".join(found)


def _claim(record: ReproductionRecord, verdict: VerdictOfClaim) -> Iterator[tuple[str, Cell]]:
    yield _READINGS[verdict.reading], cell(verdict.claim)
    yield "source", cell(verdict.source)
    run = _run(record, verdict)
    if run is not None:
        config = run.config
        model = (
            f"{config.layers} LSTM layers"
            if config.model is None
            else f"{config.layers} layers in each of 2 LSTMs"
        )
        vocab = f"{config.vocab} words"
        if config.source_vocab is not None:
            vocab = f"{config.source_vocab} and {config.vocab} words"
        size = "the claim's size" if verdict.full_size else "a smaller size"
        yield (
            "model",
            cell(
                f"{model} of {config.hidden} cells, {vocab}, batch {config.batch}: {size}, ",
                Foreign(config.input.origin or config.input.kind) if config.input else "no input",
            ),
        )
        if run.baseline is not None:
            form = run.baseline.kind
            yield (
                "one device",
                cell(
                    f"{seconds(run.baseline.step_s)} a step, {rate(run.baseline.throughput)} words/s, {form}"
                ),
            )


def _grid(verdicts: Sequence[VerdictOfClaim]) -> Grid:
    rows = [
        [
            cell(verdict.pipeline),
            cell(f"{verdict.value:.2f}x"),
            cell(_interval(verdict)),
            cell(f"{verdict.claimed:.2f}x"),
            cell(f"{verdict.value / verdict.claimed:.2f}"),
            cell(_verdict(verdict)),
        ]
        for verdict in verdicts
    ]
    return Grid(("pipeline", "here", "95 %", "claimed", "ratio", "verdict"), rows)


def _interval(verdict: VerdictOfClaim) -> str:
    if verdict.low is None or verdict.high is None:
        return "-"
    return f"{verdict.low:.2f}-{verdict.high:.2f}"


def _verdict(verdict: VerdictOfClaim) -> str:
    return f"{verdict.verdict} ({verdict.direction})" if verdict.direction else verdict.verdict


def _rest(verdict: VerdictOfClaim) -> str:
    """From the number of devices down to the step's own speed-up."""
    lost = verdict.lost
    assert lost is not None
    losses = (
        (lost.overlap, "fill, drain and waiting"),
        (lost.unequal, "unequal devices"),
        (lost.transfer, "messages"),
        (lost.shared, "shared cores"),
        (lost.work, "small slices and other work"),
    )
    told = " ".join(f"/ {factor:.2f} {text}" for factor, text in losses if round(factor, 2) != 1)
    step = float(lost.devices)
    for factor, _ in losses:
        step /= factor
    return (
        f"{lost.devices} devices {told} = {step:.2f}x in the step shown; busy {percent(lost.busy_share)}, the busiest "
        f"is {lost.busiest}, {lost.busiest_over_mean:.2f}x the mean"
    )


def _trust(record: ReproductionRecord) -> Iterator[tuple[str, Cell]]:
    """How far such numbers can be trusted."""
    texts = [run.accuracy.text for run in record.runs if run.accuracy is not None]
    for text in dict.fromkeys(texts):
        yield "accuracy", cell(text)
    for run in record.runs[:1]:
        if run.machine is not None and run.machine.time_dilation is not None:
            yield "machine", cell(Foreign(run.machine.card), "; ", Foreign(run.machine.source))
            yield (
                "scale",
                cell(
                    "all times and words/s are this host's, not the card's; so is what a small slice costs, and with "
                    "it how much is left of the speed-up"
                ),
            )
    codes = sorted({warning.code for run in record.runs for warning in run.warnings})
    if codes:
        yield "warnings", cell(", ".join(codes))


def _run(record: ReproductionRecord, verdict: VerdictOfClaim) -> RunRecord | None:
    number = verdict.run
    return record.runs[number] if number is not None and number < len(record.runs) else None
