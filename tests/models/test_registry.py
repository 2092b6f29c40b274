import pytest

from pipebench.errors import UsageError
from pipebench.models.outline import whole
from pipebench.models.registry import DEFAULT_MODEL, MODELS, given_to, is_own, kind_of, outline_of, reference
from tests.builders import run_config


def test_the_first_model_is_the_default_and_names_are_their_own() -> None:
    assert next(iter(MODELS)) == DEFAULT_MODEL == "stacked-lstm"
    assert all(kind.name == name for name, kind in MODELS.items())
    assert kind_of(DEFAULT_MODEL) is MODELS[DEFAULT_MODEL]


def test_a_colon_makes_a_model_the_user_s_own() -> None:
    assert is_own("mine.py:build")
    assert is_own("package.module:NAME")
    assert not is_own("stacked-lstm")
    assert kind_of("mine.py:build").presets == {}


def test_an_unknown_one_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        UsageError,
        match=r"unknown --model 'gpt': expected stacked-lstm, transformer, seq2seq, or FILE.py:NAME",
    ):
        kind_of("gpt")


def test_a_run_has_its_outline_and_its_input() -> None:
    config = run_config(synthetic=True)
    assert outline_of(config) == config.outline
    source = given_to(config).source
    assert (source.kind, source.unit, len(source.items)) == ("synthetic", "words", 4)
    assert source.items_per_step(4) == sum(source.items) / 4
    assert source.items_per_step(1) == source.items[0]


def test_the_reference_is_a_model_whose_operations_are_known() -> None:
    asked = reference()
    assert outline_of(asked).step_flops(whole(outline_of(asked)))
    assert outline_of(asked).row.layers == 2
