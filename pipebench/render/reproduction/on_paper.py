"""The machine of 2014 on paper: what was fitted, what is predicted, where the rest goes and what it depends on."""

from collections.abc import Callable, Iterator, Sequence

from rich.console import Group

from pipebench.plurals import counted
from pipebench.records.on_paper import ClaimOnPaper, OnPaper, Sensitivity
from pipebench.render.reproduction.blocks import Block, Facts, Grid, Listed, Paragraph, in_markdown, shown
from pipebench.render.tables import spaced
from pipebench.render.units import percent, rate, seconds


def on_paper_report(record: OnPaper) -> Group:
    """The whole report, for a terminal, a pipe or a log."""
    return Group(*spaced(shown(block) for block in _blocks(record)))


def on_paper_markdown(record: OnPaper) -> str:
    """The whole report as Markdown, with an empty line between its parts."""
    return "\n\n".join(in_markdown(block) for block in _blocks(record)) + "\n"


def _blocks(record: OnPaper) -> Iterator[Block]:
    yield Paragraph(_head(record))
    yield Facts(list(_facts(record)))
    yield _machines(record)
    yield _losses(record)
    yield _devices(record)
    assumed, stated = (
        [each for each in record.sensitivities if each.of == of] for of in ("assumption", "paper")
    )
    yield _sensitivities("assumptions, and the simulated ratio under others", assumed)
    yield _sensitivities("what the paper states, had it been otherwise (simulated)", stated)
    yield Listed("how it is simulated", record.notes)
    yield Listed("why this may be otherwise", [f"{each.name}: {each.why}" for each in (*assumed, *stated)])
    yield Listed("sources", [f"{machine.name}: {machine.source}" for machine in record.machines])


def _head(record: OnPaper) -> str:
    step = record.step
    return (
        f"simulated: the machine of 2014 on paper, {counted(record.devices_used, 'GPU')}, a batch of {step.batch}, "
        f"{step.source_steps} and {step.target_steps} words a pair, wavefront of {counted(step.chunks, 'chunk')}; "
        "nothing was measured, and the paper names no GPU"
    )


def _facts(record: OnPaper) -> Iterator[tuple[str, str]]:
    for claim in record.claims:
        yield f"the {claim.reading}", f"{claim.text} ({claim.source})"
    yield (
        "fitted",
        f"efficiency {record.efficiency:.3f} of the card's peak ({record.machine}, assumed): to one GPU's "
        f"{rate(record.fitted_to_words_per_s)} words/s, and to nothing else",
    )
    paper = _paper(record)
    assert paper.residual is not None
    residual = record.words_per_s - record.claimed_words_per_s
    yield (
        "predicted",
        f"{rate(record.words_per_s)} words/s, {record.ratio:.2f}x (simulated): {_apart(residual, rate)} the paper's "
        f"{rate(record.claimed_words_per_s)} words/s ({percent(abs(residual), record.claimed_words_per_s)}), "
        f"{_apart(paper.residual, _two)} its {paper.ratio:.2f}x",
    )
    yield (
        "range",
        f"{record.low:.2f}x to {record.high:.2f}x with all assumptions at their worst and at their best together",
    )
    yield "in doubt", record.carried_by


def _paper(record: OnPaper) -> ClaimOnPaper:
    return next(claim for claim in record.claims if claim.reading == "paper")


def _two(value: float) -> str:
    return f"{value:.2f}"


def _apart(residual: float, text: Callable[[float], str]) -> str:
    return f"{text(abs(residual))} {'above' if residual >= 0 else 'below'}"


def _machines(record: OnPaper) -> Grid:
    rows = [
        [
            f"{machine.name}{' *' if machine.used else ''}",
            f"{machine.efficiency:.3f}",
            rate(machine.words_per_s),
            f"{machine.words_per_s_residual:+,.0f}",
            f"{machine.ratio:.2f}x",
            f"{machine.ratio_residual:+.2f}",
        ]
        for machine in record.machines
    ]
    headers = ["card and bus", "efficiency", "words/s", f"over {rate(record.claimed_words_per_s)}"]
    headers += ["ratio", f"over {_paper(record).ratio:.2f}x"]
    return Grid("machines (assumed), each fitted to one GPU and simulated; * is used below", headers, rows)


def _losses(record: OnPaper) -> Grid:
    rows = [
        [counted(record.devices_used, "GPU"), "", f"{record.devices_used:.2f}x"],
        *([loss.text, f"/ {loss.factor:.2f}", f"{loss.ratio:.2f}x"] for loss in record.losses),
        [
            "the paper; what none of these explains",
            f"/ {record.unexplained:.2f}",
            f"{_paper(record).ratio:.2f}x",
        ],
    ]
    return Grid("where the rest goes (simulated)", ["lost to", "factor", "ratio"], rows)


def _devices(record: OnPaper) -> Grid:
    rows = [
        [
            str(device.device),
            device.layers,
            *(
                percent(part, record.makespan_s)
                for part in (device.busy_s, device.waiting_s, device.transfer_s, device.idle_s)
            ),
        ]
        for device in record.devices
    ]
    return Grid(
        f"a step of {seconds(record.makespan_s)} by device (simulated); for {percent(record.softmax_rests)} of it the "
        "softmax rests while the encoder runs",
        ["device", "layers", "busy", "waiting", "transfer", "idle"],
        rows,
        left=2,
        names=2,
    )


def _sensitivities(title: str, found: Sequence[Sensitivity]) -> Grid:
    rows = []
    for each in found:
        used = next(point for point in each.points if point.used)
        others = "; ".join(f"{point.label}: {point.ratio:.2f}x" for point in each.points if not point.used)
        rows.append([f"{each.name} ({used.label})", f"{100 * (each.spread - 1):.1f} %", others + _met(each)])
    return Grid(title, ["figure (as simulated)", "moves it", "the ratio otherwise"], rows, words_last=True)


def _met(each: Sensitivity) -> str:
    """The value at which this figure alone gives the paper's ratio, plausible or not; empty if there is none."""
    return f"; the paper's {each.meets.ratio:.2f}x at {each.meets.label}" if each.meets else ""
