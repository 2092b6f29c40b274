"""What this machine's noise lets a comparison find: equal launches of one configuration, measured beforehand.

A comparison knows only the noise of its own few launches, which may be small by luck. A calibration is known before
anything is compared, so it can warn of a threshold that is finer than this machine can tell.
"""

from collections.abc import Iterator, Mapping
from math import log
from statistics import stdev
from types import MappingProxyType

import msgspec

from pipebench.comparison import fields, noise_cache
from pipebench.comparison.metrics import METRICS, OF_WORDS, Sample, samples
from pipebench.comparison.noise_cache import Noise
from pipebench.comparison.overall import comparisons_of
from pipebench.comparison.verdicts import LEVEL, as_change
from pipebench.records.command import Comparable
from pipebench.records.comparison import ComparisonRecord, MetricComparison, MetricName
from pipebench.records.run import CompletedRun, RunRecord
from pipebench.records.schema import WarningRecord
from pipebench.records.terms import Terms, terms_of
from pipebench.statistics import minimum_detectable_effect
from pipebench.warning_codes import WarningCode

LAUNCHES = (3, 6, 12)
QUESTIONS = 2  # how many the default gates ask
# What a calibration keeps and shows: a ratio and its parts. Throughput has two names; _is_kept picks one of them.
SHOWN: tuple[MetricName, ...] = (
    *("words_per_s", "throughput"),
    *("baseline_words_per_s", "baseline_throughput"),
    "speedup",
)

# Metrics of one value a launch, each with metrics that spread as much. A calibration has one of the latter.
_PIPELINE, _ALONE = SHOWN[:2], SHOWN[2:4]
_SPREADS_AS: Mapping[MetricName, tuple[MetricName, ...]] = MappingProxyType(
    {
        **dict.fromkeys((*_PIPELINE, "step_s"), _PIPELINE),
        **dict.fromkeys(_ALONE, _ALONE),
        **dict.fromkeys(("speedup", "efficiency"), ("speedup",)),
    }
)
_MACHINE = ("environment.cpu_model", "environment.cpus_allowed")
_EFFORT = ("config.steps", "config.warmup")


def noise_of(record: CompletedRun) -> Noise:
    """The spread between a run's launches, of which there are two or more."""
    found, terms = samples(record), terms_of(record)
    return Noise(
        created=record.created,
        launches=len(record.launches),
        key=key_of(record),
        log_sd={name: stdev(map(log, found[name].values)) for name in SHOWN if _is_kept(name, found)},
        unit=terms.unit,
        baseline_devices=terms.baseline_devices,
    )


def _is_kept(name: MetricName, found: Mapping[MetricName, Sample]) -> bool:
    """Whether a calibration keeps this metric: it was found, and not also under the name that counts words."""
    return name in found and not any(every == name and words in found for words, every in OF_WORDS.items())


def key_of(record: RunRecord) -> dict[str, str | None]:
    """What the noise depends on: the fields that must match, the host, and how much a launch measures."""
    beside = {name: fields.text_of(fields.value_of(record, name)) for name in (*_MACHINE, *_EFFORT)}
    return {**fields.key_of(record), **beside}


def detectable(
    noise: Noise, metric: MetricName, launches: int, *, level: float = LEVEL, questions: int = QUESTIONS
) -> float:
    """The smallest relative change that ``launches`` a side find 95 times in 100 at this noise, whatever the threshold.

    ``questions`` is how many questions a gate asks: the change must pass the strictest of Holm's levels.
    """
    confidence = 1 - level / questions
    found = minimum_detectable_effect(noise.log_sd[metric], launches, threshold=0.0, confidence=confidence)
    return as_change(found, higher_is_better=METRICS[metric].higher_is_better)


def with_warnings(record: ComparisonRecord, reference: Comparable) -> ComparisonRecord:
    """The comparison, with a warning for each threshold that is finer than the reference's machine can tell.

    Only runs are calibrated.
    """
    noise = noise_cache.load(key_of(reference)) if isinstance(reference, RunRecord) else None
    if noise is None:
        return record
    level = record.looks.level if record.looks else LEVEL
    found = [
        [*compared.warnings, *dict.fromkeys(_too_fine(compared.metrics, noise, level, record.terms))]
        for compared in comparisons_of(record)
    ]
    others = [
        msgspec.structs.replace(compared, warnings=warnings)
        for compared, warnings in zip(record.others, found[1:], strict=True)
    ]
    return msgspec.structs.replace(record, warnings=found[0], others=others)


def _too_fine(
    metrics: Mapping[MetricName, MetricComparison], noise: Noise, level: float, terms: Terms
) -> Iterator[WarningRecord]:
    questions = len({_SPREADS_AS.get(name, (name,)) for name, each in metrics.items() if each.gated})
    for name, each in metrics.items():
        alike = next((alike for alike in _SPREADS_AS.get(name, ()) if alike in noise.log_sd), None)
        launches = min(each.launches)
        if not each.gated or alike is None or launches < 2:
            continue
        smallest = detectable(noise, alike, launches, level=level, questions=questions)
        if each.threshold < smallest:
            yield WarningRecord(
                code=WarningCode.THRESHOLD_BELOW_NOISE,
                cause=f"{METRICS[name].title(terms)}: the threshold of {100 * each.threshold:.3g} % is below the "
                f"{100 * smallest:.3g} % that {launches} launches can find here (calibrated {noise.created[:10]})",
                next_step="measure more launches, or set a wider --gate",
            )
