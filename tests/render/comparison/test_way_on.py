"""How to go on from what differs, in words."""

from pathlib import Path

from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.overall import comparisons_of
from pipebench.records.command import Comparable
from pipebench.records.selection import Source
from pipebench.render.comparison.way_on import way_on
from pipebench.render.comparison.words import Foreign
from tests.builders import own_record, record_of_wall_clock, steady_record, with_config
from tests.guard import launches as commands


def told(*records: Comparable) -> str:
    sources = [Source(record, Path("x.json")) for record in records]
    (pair,) = comparisons_of(compare(sources, Rules()))
    return "".join(f"`{part}`" if isinstance(part, Foreign) else part for part in way_on(pair))


def test_an_option_to_measure_again_with_or_one_that_lets_it_pass() -> None:
    assert told(steady_record(), with_config(steady_record(), hidden=64)) == (
        "measure it again with `--hidden 32`; or add `--allow-mismatch hidden` to compare all the same"
    )


def test_what_never_passes_is_told() -> None:
    assert told(steady_record(), record_of_wall_clock()) == (
        "measure it again with `--device emulated --machine 2014`; no option lets clock differ"
    )
    assert told(own_record(), own_record(devices=2)) == (
        "no option lets baseline.devices differ: compare runs that agree in it"
    )
    assert told(record_of_wall_clock(), steady_record()) == (
        "measure it again with `--device cpu` without `--machine`; no option lets clock differ"
    )


def test_what_has_no_option_is_told_in_words() -> None:
    assert told(own_record(), steady_record()) == (
        "measure it again with `--batch 64 --partition 2,1`, with the model and the optimizer and the input of A"
    )
    records = [commands.record([1.0] * 4, environment={"cpu_model": name}) for name in "xy"]
    assert told(*records) == (
        "measure it again with the machine of A; or add `--allow-mismatch cpu_model` to compare all the same"
    )


def test_a_command_that_differs_can_only_be_let_pass() -> None:
    records = [commands.record([1.0] * 4, command=[name]) for name in "xy"]
    assert told(*records) == "add `--allow-mismatch command` to compare all the same"
