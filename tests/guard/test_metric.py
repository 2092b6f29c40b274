"""From a name to a metric, and which way it is better."""

import pytest

from pipebench.errors import UsageError
from pipebench.guard.metric import metric_named, more_is_better


@pytest.mark.parametrize(
    ("name", "asked", "unit", "better"),
    [
        ("step_s", None, "s", "lower"),
        ("train.tokens_per_s", None, "1/s", "higher"),
        ("peak_bytes", None, "bytes", "lower"),
        ("loss", None, None, "lower"),
        ("throughput", True, None, "higher"),
        ("tokens_per_s", False, "1/s", "lower"),
    ],
)
def test_what_is_better_is_told_by_the_name_unless_it_is_said(
    name: str, asked: bool | None, unit: str | None, better: str
) -> None:
    metric = metric_named(name, higher_is_better=asked)
    assert (metric.field, metric.unit, metric.better) == (name, unit, better)


@pytest.mark.parametrize(
    "name", ["", "a b ", "x{y}", "a|b", "a\nb", "a`b", "a" * 101, "<b>", "x::y", "\udcff"]
)
def test_a_metric_is_a_plain_name(name: str) -> None:
    with pytest.raises(UsageError, match="--metric"):
        metric_named(name)


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        ("tokens_per_second", "per_second"),
        ("samples_per_sec", "per_sec"),
        ("words_per_minute", "per_minute"),
        ("tokens_per_step", "per_step"),
        ("tokensPerSecond", "PerSecond"),
        ("train/tokens_per_s_mean", "per_s"),
        ("tok/s", "/s"),
        ("train.it/sec", "/sec"),
        ("throughput", "throughput"),
        ("speedup", "speedup"),
        ("avg_speed", "speed"),
        ("MFU", "MFU"),
        ("perf.tps", "tps"),
        ("eval.accuracy", "accuracy"),
        ("gpu_utilization", "utilization"),
        ("hit_rate", "rate"),
    ],
)
def test_a_name_that_sounds_as_if_more_is_better_needs_a_word_from_its_user(name: str, telling: str) -> None:
    expected = (
        rf"{telling!r} in it .* end in _per_s are better higher and all others lower: .*--lower-is-better"
    )
    with pytest.raises(UsageError, match=expected):
        metric_named(name)
    assert metric_named(name, higher_is_better=True).better == "higher"
    assert metric_named(name, higher_is_better=False).better == "lower"


@pytest.mark.parametrize(
    "name",
    [
        *("step_s", "loss", "seconds_per_step", "ms_per_step", "time_per_token", "s/step", "peak_bytes"),
        *("separate_s", "moderate", "iteration_s", "latency_ms", "perplexity", "train/step_s", "per"),
    ],
)
def test_other_names_are_lower_without_a_word(name: str) -> None:
    assert (more_is_better(name), metric_named(name).better) == (None, "lower")
