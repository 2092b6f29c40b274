"""The page of a reproduction: each claim, what was measured here on what, the verdict, and where the rest went."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console, Group

from pipebench.plurals import counted
from pipebench.records.reproduction import Lost, ReproductionRecord, VerdictOfClaim
from pipebench.records.run import CompletedRun
from pipebench.render.head import counts_text
from pipebench.render.reproduction.blocks import Block, Facts, Grid, in_markdown, shown
from pipebench.render.reproduction.on_paper import on_paper_markdown, on_paper_report
from pipebench.render.tables import spaced
from pipebench.render.units import percent, rate, seconds
from pipebench.reproduction.verdicts import off_by
from pipebench.run import accuracy

_READINGS = {"talk": "the talk", "paper": "the paper"}


def report(record: ReproductionRecord, console: Console) -> Group:  # noqa: ARG001 - as all reports are called
    """The page in a terminal."""
    if record.on_paper is not None:
        return on_paper_report(record.on_paper)
    return Group(*spaced(shown(block) for block in _blocks(record)))


def markdown(record: ReproductionRecord) -> str:
    """The page as Markdown."""
    if record.on_paper is not None:
        return on_paper_markdown(record.on_paper)
    return "\n\n".join(in_markdown(block) for block in _blocks(record)) + "\n"


def _blocks(record: ReproductionRecord) -> Iterator[Block]:
    """All that there is to say, in the order in which it is read."""
    yield Facts(list(_head(record)))
    for reading, same in groupby(record.verdicts, key=lambda verdict: verdict.reading):
        verdicts = list(same)
        yield Facts(list(_claim(record, verdicts[0])))
        yield _grid(f"{_READINGS[reading]}: speed-ups over one device", verdicts)
        lost = [(verdict.pipeline, _rest(verdict.lost)) for verdict in verdicts if verdict.lost]
        if lost:
            yield Facts(lost)
    trust = list(_trust(record))
    if trust:
        yield Facts(trust)


def _head(record: ReproductionRecord) -> Iterator[tuple[str, str]]:
    yield "the result of 2014", f"reproduced here? {_in_a_word(record)}"
    if record.status != "completed":
        yield record.status, record.failure.message if record.failure else "it did not complete"
    for run in record.runs[:1]:
        kind = "emulated devices, virtual time" if run.clock == "virtual" else "devices, wall clock"
        name = run.device.names[0] if run.device.names else "unknown"
        yield "here", f"{run.device.count} {kind}, on {name}"
    if record.took_s is not None and record.budget_s is not None:
        launches = counts_text([len(run.launches) for run in record.runs])
        budget = f"a budget of {record.budget_s:.0f} s, and three launches of each in any case"
        yield "effort", f"{launches} launches of each in {seconds(record.took_s)}; {budget}"
    errors = [
        run.verification.max_relative_gradient_error for run in record.runs if run.verification is not None
    ]
    if errors:
        yield "verified", f"gradients equal the single devices' to {max(errors):.1e}, in all pipelines"


def _in_a_word(record: ReproductionRecord) -> str:
    """All verdicts in a sentence, for the talk and for the paper; an emulation can only agree with a claim."""
    found: dict[str, list[str]] = {}
    for verdict in record.verdicts:
        told = found.setdefault(verdict.reading, [])
        if _verdict(verdict) not in told:
            told.append(_verdict(verdict))
    if not found:
        return "nothing was measured"
    each = "; ".join(
        f"the {reading}: {' or '.join(told)}{', by pipeline' if len(told) > 1 else ''}"
        for reading, told in found.items()
    )
    if all(verdict.evidence != "measured" for verdict in record.verdicts):
        return f"emulated devices cannot do that. How they agree with the claim: {each}"
    return each


def _claim(record: ReproductionRecord, verdict: VerdictOfClaim) -> Iterator[tuple[str, str]]:
    yield _READINGS[verdict.reading], verdict.claim
    yield "source", verdict.source
    run = _run(record, verdict)
    if run is None:
        return
    yield "model", _model(run, full_size=verdict.full_size)
    throughput = f"{rate(run.baseline.throughput)} words/s, {run.baseline.kind}"
    yield "one device", f"{seconds(run.baseline.step_s)} a step, {throughput}"


def _model(run: CompletedRun, *, full_size: bool) -> str:
    """What is trained, and on what."""
    config = run.config
    layers = f"{config.layers} LSTM layers"
    words = f"{config.vocab} words"
    if config.source_vocab is not None:
        layers, words = f"{config.layers} layers in each of 2 LSTMs", f"{config.source_vocab} and {words}"
    size = "the claim's size" if full_size else "a smaller size"
    text = run.input.origin or run.input.kind
    return f"{layers} of {config.hidden} cells, {words}, batch {config.batch}: {size}, {text}"


def _grid(title: str, verdicts: Sequence[VerdictOfClaim]) -> Grid:
    rows = [
        (
            verdict.pipeline,
            f"{verdict.value:.2f}x",
            _interval(verdict),
            f"{verdict.claimed:.2f}x",
            f"{verdict.value / verdict.claimed:.2f}",
            _verdict(verdict),
        )
        for verdict in verdicts
    ]
    return Grid(title, ("pipeline", "here", "95 %", "claimed", "ratio", "verdict"), rows, words_last=True)


def _interval(verdict: VerdictOfClaim) -> str:
    if verdict.low is None or verdict.high is None:
        return "-"
    return f"{verdict.low:.2f}-{verdict.high:.2f}"


def _verdict(verdict: VerdictOfClaim) -> str:
    return f"{verdict.verdict} ({verdict.direction})" if verdict.direction else verdict.verdict


def _rest(lost: Lost) -> str:
    """What is lost, from the number of devices down to the speed-up of the step that is shown."""
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


def _trust(record: ReproductionRecord) -> Iterator[tuple[str, str]]:
    """How far such numbers can be trusted."""
    told: dict[str, list[str]] = {}
    for verdict in record.verdicts:
        run = _run(record, verdict)
        if run is not None and run.accuracy is not None:
            told.setdefault(run.accuracy.text, []).append(f"the {verdict.reading}")
    for text, readings in told.items():
        yield "accuracy", f"{' and '.join(dict.fromkeys(readings))}: {text}"
    emulated = next((verdict for verdict in record.verdicts if verdict.evidence == "emulated"), None)
    if emulated is not None:
        yield "verdicts", _rule()
    for run in record.runs[:1]:
        if run.machine is not None and run.machine.time_dilation is not None:
            yield "machine", f"{run.machine.card}; {run.machine.source}"
            yield (
                "scale",
                "all times and words/s are this host's, not the card's; so is what a small slice costs, and with it "
                "how much is left of the speed-up",
            )
    codes = Counter(code for run in record.runs for code in {warning.code for warning in run.warnings})
    if codes:
        each = ", ".join(f"{code} of {number}" for code, number in sorted(codes.items()))
        yield "warnings", f"{each} of {counted(len(record.runs), 'pipeline')}"


def _rule() -> str:
    """Why a value above a claim may be consistent with it, and a value just below it may not be."""
    least, most = off_by(accuracy.packaged())
    return (
        f"consistent: the claim lies in the interval, its ends divided by {most:.2f} and {least:.2f}, since emulated "
        "speed-ups were so many times real ones where that was studied; the interval is of this session, and another "
        "session's may lie beside it"
    )


def _run(record: ReproductionRecord, verdict: VerdictOfClaim) -> CompletedRun | None:
    number = verdict.run
    return record.runs[number] if number is not None and number < len(record.runs) else None
