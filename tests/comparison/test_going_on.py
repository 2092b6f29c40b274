"""How to go on where records differ: the options that make them alike, and those that let them differ."""

import pytest

from pipebench.comparison import command_fields, fields, run_fields, trace_fields
from pipebench.comparison.going_on import going_on, short_name
from pipebench.records.comparison import Difference
from tests.builders import own_record, record_of_wall_clock, steady_record, with_config

ALLOWED = (
    {*run_fields.HARD, *command_fields.NAMED, *trace_fields.NAMED} - fields.NEVER_PASS - {"schema.version"}
)


def test_a_field_has_the_reference_s_option_or_is_let_pass() -> None:
    reference = with_config(steady_record(), batch=64)
    found = going_on(fields.mismatches(reference, with_config(steady_record(), dtype="float64")))
    assert (found.options, found.without, found.words) == ("--batch 64 --dtype float32", "", ())
    assert found.allowing == "--allow-mismatch batch --allow-mismatch dtype"
    assert found.never == ()


def test_what_the_reference_does_without_is_left_out() -> None:
    shared = with_config(steady_record(), softmax_devices="all", bucket=False)
    found = going_on(fields.mismatches(with_config(steady_record(), bucket=True), shared))
    assert (found.options, found.without) == ("", "--softmax-devices --no-bucket")
    back = going_on(fields.mismatches(shared, steady_record()))
    assert (back.options, back.without) == ("--softmax-devices all --no-bucket", "")


def test_the_clock_never_passes() -> None:
    found = going_on(fields.mismatches(steady_record(), record_of_wall_clock()))
    assert found.options == "--device emulated --machine 2014"
    assert (found.allowing, found.never) == ("", ("clock",))


def test_a_model_of_the_users_own_is_no_option_and_another_unit_is_never_let_pass() -> None:
    own, words = own_record(), steady_record()
    found = going_on(fields.mismatches(own, words))
    assert found.options == "--batch 64 --partition 2,1"
    assert found.words == ("model", "optimizer", "input")
    assert found.allowing == ""
    other = going_on([Difference("config.model.name", "stacked LSTM", "seq2seq")])
    assert (other.options, other.words) == ("--model stacked-lstm", ())


LAYERS = Difference("config.model.layers", "a 1, b 2", "a 1")
FEWER = Difference("config.layers", "2", "1")


def test_a_built_in_model_of_another_size_is_given_by_options() -> None:
    found = going_on([LAYERS, FEWER], "transformer")
    assert (found.options, found.words) == ("--layers 2", ())


def test_another_model_of_the_users_own_of_the_same_name_is_not() -> None:
    found = going_on([LAYERS, FEWER], "blocks.py:build")
    assert (found.options, found.words) == ("", ("model",))


def test_a_field_that_is_not_known_is_named_in_full() -> None:
    assert short_name("config.input.words_per_step") == "config.input.words_per_step"


def test_a_hostile_value_is_quoted() -> None:
    found = going_on([Difference("config.dtype", "$(rm x)", "float32")])
    assert found.options == "--dtype '$(rm x)'"


def test_other_kinds_of_records_have_no_options_of_run() -> None:
    command = going_on([Difference("skip", "1", "2"), Difference("environment.gpus", "a", "b")])
    assert (command.options, command.words) == ("", ("machine",))
    assert command.allowing == "--allow-mismatch skip --allow-mismatch gpus"
    assert going_on([Difference("plan.stages", "4", "8")]).words == ("plan",)


@pytest.mark.parametrize("field", sorted(ALLOWED))
def test_every_field_has_a_name_that_lets_it_pass(field: str) -> None:
    assert fields.named_field(short_name(field)) == field
