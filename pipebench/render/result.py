"""The result of a run: the baseline, the pipeline and the speed-up, each with its clock."""

from rich.text import Text

from pipebench.diagnosis.step import Step, step_of
from pipebench.errors import CorruptRecordError
from pipebench.plurals import counted
from pipebench.records.run import RunRecord
from pipebench.records.terms import terms_of
from pipebench.render.layout import Table
from pipebench.render.units import percent, rate, seconds

_GPUS_OF_THE_TALK = 8


def step_on_paper(record: RunRecord) -> Step | None:
    """The step of a record, to be run again on paper; ``None`` for a record whose step cannot be."""
    try:
        return step_of(record)
    except CorruptRecordError:
        return None


def result_table(record: RunRecord) -> Table:
    """The figures of a record that has a speed-up, a row each."""
    baseline, pipeline, speedup = record.baseline, record.pipeline, record.speedup
    assert baseline is not None
    assert pipeline is not None
    assert speedup is not None
    terms = terms_of(record)
    table = Table("", "a step", terms.rate, "", words_last=True)
    table.add("baseline", seconds(baseline.step_s), rate(baseline.throughput), baseline_text(record))
    table.add(
        "pipeline",
        seconds(pipeline.step_s),
        rate(pipeline.throughput),
        f"{counted(record.device.count, 'device')}; {pipeline_clock(record)}",
    )
    interval = interval_text(record)
    interval = f"{terms.relative.strip()}; {interval}" if terms.relative else interval
    table.add(Text("speed-up", "bold"), "", Text(f"{speedup.value:.2f}x", "bold"), interval, titled=False)
    share = "speed-up / devices" if not terms.relative else f"speed-up x {terms.baseline_devices} / devices"
    table.add("efficiency", "", percent(record.efficiency or 0), share, titled=False)
    if record.device.count == _GPUS_OF_THE_TALK and record.config.model is None and not terms.relative:
        table.add("2014 talk", "", "3.5x", "other model, size and device; pipebench reproduce", titled=False)
    return table


def baseline_text(record: RunRecord) -> str:
    """What the baseline ran on, in which form, and by which clock."""
    baseline = record.baseline
    assert baseline is not None
    clock = baseline_clock(record)
    if baseline.kind == "naive":
        devices = counted(baseline.devices, "device")
        return f"{devices}, the naive schedule on the fewest that hold the model; {clock}"
    form = _form(baseline.kind, baseline.microbatches)
    if len(baseline.device_flops_per_s) > 1:
        form += f" on GPU {baseline.device}, of median speed"
    return f"1 device, {form}, best of {len(baseline.candidates)}; {clock}"


def baseline_in_short(record: RunRecord) -> str:
    """The same as ``baseline_text``, without how the baseline was chosen."""
    baseline = record.baseline
    assert baseline is not None
    devices, form = counted(baseline.devices, "device"), _form(baseline.kind, baseline.microbatches)
    return f"{devices}, {form}; {baseline_clock(record)}"


def raced(record: RunRecord) -> str | None:
    """The forms of the baseline that were tried, each with its fastest step; ``None`` if none was."""
    if record.baseline is None or not record.baseline.candidates:
        return None
    return ", ".join(
        f"{_form(each.kind, each.microbatches)} {seconds(min(each.step_s, default=None))}"
        for each in record.baseline.candidates
    )


def _form(kind: str, microbatches: int) -> str:
    return f"{kind} x{microbatches}" if microbatches > 1 else kind


def baseline_clock(record: RunRecord) -> str:
    """Which clock the baseline's figures come from, in two words."""
    assert record.baseline is not None
    one_core = record.clock == "virtual" and record.baseline.kind != "naive"
    return "CPU time" if one_core else pipeline_clock(record)


def pipeline_clock(record: RunRecord) -> str:
    """Which clock the pipeline's figures come from, in two words."""
    return "virtual time" if record.clock == "virtual" else "wall clock"


def interval_text(record: RunRecord, *, joint: str = " over ") -> str:
    """The speed-up's interval, and how many launches it is over; ``joint`` stands between the two."""
    speedup = record.speedup
    assert speedup is not None
    launches = counted(len(record.launches), "launch", "launches")
    if speedup.low is None or speedup.high is None:
        return f"no interval from {launches}"
    return f"95 % interval {speedup.low:.2f} to {speedup.high:.2f}{joint}{launches}"
