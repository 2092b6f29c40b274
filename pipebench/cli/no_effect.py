"""Options that do nothing beside the others that were given: whoever gave one is told so in a line on stderr.

An option that contradicts another is refused where it is read; these are harmless and not what their user takes them
for. A rule names options, when they do nothing, and why. Defaults are nobody's mistake, and a file's options are for
many command lines: only what was typed is told.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipebench.cli import given, output
from pipebench.plan.device_kind import DeviceKind

if TYPE_CHECKING:
    import typer

Values = Mapping[str, Any]  # of the command's parameters by name, and what has been decided from them


class Rule(NamedTuple):
    """``options`` do nothing where ``holds``; ``why`` may name values in braces."""

    options: tuple[str, ...]
    holds: Callable[[Values], bool]
    why: str


def _is_path(name: str | None) -> bool:
    """Whether a record is named by its place, and not looked up in the folder of records."""
    return name is None or Path(name).exists()


def _runs_whole_backwards(values: Values) -> bool:
    from pipebench.plan.schedules import schedule_named

    return not schedule_named(values["schedule"]).splits_backward


_SIZES = ("layers", "hidden", "vocab", "batch", "sequence_length")
_PLACING = ("forward", "softmax")  # costs by which the pieces of a shared softmax find their places in a plan
_COSTS = ("backward", "backward_input", "backward_weight", "transfer", "blocking", "link", "message")

RULES: Mapping[str, tuple[Rule, ...]] = {
    "run": (
        Rule(
            ("folder", "remeasure"),
            lambda v: v["dry_run"],
            "no effect, a dry run measures and stores nothing",
        ),
        Rule(
            ("emulation_order",),
            lambda v: v["kind"] is not None and v["kind"].is_real,
            "no effect, only emulated devices share a core and have an order",
        ),
        Rule(
            ("emulation_order",),
            lambda v: v["gpus"] == 1 and v["kind"] is not DeviceKind.CPU,
            "no effect, one device has one order",
        ),
        Rule(
            ("checkpoint",),
            lambda v: v["checkpoint"] == "except-last" and v["microbatches"] == 1,
            "no effect, the only microbatch is the last one, which keeps everything",
        ),
        Rule(
            ("partition",),
            lambda v: v["partition"] == "balanced" and v["gpus"] == 1,
            "no effect, one device holds all layers",
        ),
        Rule(
            ("schedule", "cell"),
            lambda v: v["is_split"] and v["nothing_to_split"],
            "nothing is split: the model has no plain linear layers, whose weights' gradients could come later",
        ),
        Rule(
            ("cell",),
            lambda v: (
                v["is_split"] and v["chunks"] == 1 and not v["nothing_to_split"] and _runs_whole_backwards(v)
            ),
            "no gain, schedule {schedule} runs each backward whole, and split cells mostly cost more than others",
        ),
        Rule(
            ("most_alive",),
            lambda v: v["most_alive"] is not None and v["most_alive"] >= v["slices"],
            "no effect, a step has {slices} slices",
        ),
        Rule(
            ("most_waiting",),
            lambda v: v["most_waiting"] is not None and v["most_waiting"] >= v["slices"],
            "no effect, a step has {slices} slices",
        ),
        Rule(
            ("softmax_devices",),
            lambda v: v["softmax_devices"] == "all" and v["gpus"] == 1,
            "a single device has nobody to share the softmax with",
        ),
        Rule(
            ("preset",),
            lambda v: all(v["given"][name] for name in _SIZES),
            "no effect, each of its sizes is given by itself",
        ),
    ),
    "simulate": (
        Rule(
            (*_PLACING, *_COSTS),
            lambda v: v["csv"] and v["softmax_devices"] is None,
            "no effect, a plan as CSV has no times",
        ),
        Rule(
            _COSTS,
            lambda v: v["csv"] and v["softmax_devices"] is not None,
            "no effect, a plan as CSV has no times",
        ),
        Rule(
            ("softmax_devices",),
            lambda v: v["softmax_devices"] == "all" and v["stages"] == 1,
            "a single device has nobody to share the softmax with",
        ),
        Rule(
            ("backward_input", "backward_weight"),
            lambda v: not v["csv"] and _runs_whole_backwards(v),
            "schedule {schedule} runs the backward whole, so only their sum counts",
        ),
        Rule(
            ("backward",),
            lambda v: not v["csv"] and not _runs_whole_backwards(v),
            "no effect, schedule {schedule} runs the two halves by themselves, and both are given",
        ),
        Rule(
            ("stage_costs",),
            lambda v: v["csv"] and v["softmax_devices"] is None and v["given"]["stages"],
            "no effect, a plan as CSV has no times",
        ),
        Rule(
            ("chunk_costs",),
            lambda v: v["csv"] and v["given"]["chunks"],
            "no effect, a plan as CSV has no times",
        ),
        Rule(
            ("transfer", "blocking", "link", "message"),
            lambda v: not v["csv"] and v["stages"] == 1,
            "no effect, a single stage sends nothing",
        ),
        Rule(
            ("message",),
            lambda v: not v["csv"] and v["stages"] > 1 and not v["has_rates"],
            "no effect, no link has a bandwidth",
        ),
        Rule(
            ("link",),
            lambda v: not v["csv"] and bool(v["silent"]),
            "no effect between devices {silent}, which send each other nothing",
        ),
        Rule(
            ("link",),
            lambda v: not v["csv"] and v["stages"] > 1 and v["multiplies_nothing"],
            "no effect, messages take no time that could be multiplied: give --transfer",
        ),
    ),
    "reproduce": (
        Rule(
            ("budget",),
            lambda v: v["simulate"],
            "no effect, on paper nothing is measured",
        ),
    ),
    "show": (
        Rule(("folder",), lambda v: _is_path(v["record"]), "no effect, RECORD is named by its place"),
        Rule(
            ("everything",),
            lambda v: v["json"] or v["svg"] is not None,
            "no effect, this output is complete already",
        ),
        Rule(
            ("everything",),
            lambda v: not v["json"] and v["svg"] is None and v["kind"] != "run",
            "no effect, only the report of a run is brief without it",
        ),
    ),
    "trace": (Rule(("folder",), lambda v: _is_path(v["record"]), "no effect, RECORD is named by its place"),),
    "explain": (
        Rule(
            ("folder",),
            lambda v: not v["foreign"] and _is_path((v["records"] or ["latest"])[0]),
            "no effect, RECORD is named by its place",
        ),
        Rule(
            ("what_if",),
            lambda v: v["svg"] is not None and not v["json"],
            "no effect, the picture is of the run as it was: add --json, or leave out --svg",
        ),
    ),
    "compare": (
        Rule(
            ("folder",),
            lambda v: all(map(_is_path, v["records"])),
            "no effect, all records are named by their place",
        ),
    ),
    "check": (
        Rule(
            ("folder",),
            lambda v: _is_path(v["current"]) and _is_path(v["against"]),
            "no effect, both records are named by their place",
        ),
        Rule(
            ("current",),
            lambda v: v["self_test"] and v["against"] is not None,
            "no effect, the self-test tries itself on REFERENCE",
        ),
    ),
    "save": (Rule(("folder",), lambda v: _is_path(v["record"]), "no effect, RECORD is named by its place"),),
    "promote": (
        Rule(("folder",), lambda v: _is_path(v["record"]), "no effect, RECORD is named by its place"),
    ),
    "ci": (
        Rule(
            ("requirements",),
            lambda v: v["sides"] == "refs",
            "no effect, --sides refs compares two versions of pipebench, whatever they require",
        ),
    ),
}


def tell(context: "typer.Context", **decided: object) -> None:
    """Say which of the options that were given do nothing.

    Args:
        context: of the command, with its parameters.
        decided: values that the rules also need, or that replace defaults.
    """
    values = {
        **context.params,
        "given": {name: given.is_given(context, name) for name in context.params},
        **decided,
    }
    for rule in RULES[str(context.info_name)]:
        named = [_typed(context, name) for name in rule.options if given.is_typed(context, name)]
        if named and rule.holds(values):
            output.notice(f"pipebench: {', '.join(named)}: {rule.why.format_map(values)}")


def _typed(context: "typer.Context", name: str) -> str:
    """The option by its long name, an argument as its help calls it."""
    (parameter,) = (each for each in context.command.params if each.name == name)
    return next((option for option in parameter.opts if option.startswith("--")), name.upper())
