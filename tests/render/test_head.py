import io

import msgspec
import pytest
from rich.console import Console, Group

from pipebench.records.config import ModelLayer, ModelRecord
from pipebench.records.run import RunRecord
from pipebench.render.head import head
from tests.builders import completed_record, ended_run, own_record, with_config


def text_of(record: RunRecord) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(Group(*head(record)))
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_the_stacked_lstm_has_sizes_and_words() -> None:
    text = text_of(completed_record())
    assert (
        "model stacked LSTM, 2 layers of 32, vocabulary 200, float32 step batch 32 x 16 words of synthetic"
        in text
    )
    assert "512 counted; SGD plan gpipe" in text


def test_a_softmax_that_is_shared_is_part_of_the_plan() -> None:
    assert "softmax" not in text_of(completed_record())
    everywhere, beside = (with_config(completed_record(), softmax_devices=shared) for shared in ("all", 1))
    assert "layers 1,1 (even), softmax shared by both devices" in text_of(everywhere)
    assert "layers 1,1 (even), softmax on a device of its own, checkpoint always" in text_of(
        with_config(beside, checkpoint="always")
    )


def test_an_own_model_has_a_name_layers_and_a_batch() -> None:
    layers = [ModelLayer(f"block {n}", 400_000) for n in range(8)]
    text = text_of(with_config(own_record(), model=ModelRecord("net", layers, "5" * 64)))
    assert (
        "model net: 8 layers, 3.2 M parameters, float32 input batch 64 samples; optimizer Adam plan" in text
    )
    assert "words" not in text
    assert "None" not in text


@pytest.mark.parametrize(
    ("unit", "items", "text"),
    [
        ("pixels", 3_211_264.0, "batch 64, 3,211,264 pixels a step; optimizer"),
        ("samples", 64.0, "batch 64 samples; optimizer"),
    ],
)
def test_what_is_counted_is_told_beside_the_batch_where_it_is_another_number(
    unit: str, items: float, text: str
) -> None:
    record = own_record()
    assert record.config.input is not None
    counted = msgspec.structs.replace(record.config.input, unit=unit, items_per_step=items)
    assert text in text_of(with_config(record, input=counted))


def test_an_own_model_that_is_cut_along_time_has_a_length() -> None:
    assert "batch 64 samples, 128 long; optimizer Adam" in text_of(
        with_config(own_record(), sequence_length=128)
    )


def test_a_run_that_ended_before_its_input_was_made_is_told_all_the_same() -> None:
    ended = ended_run(own_record(), speedup=None, baseline=None, pipeline=None)
    assert "input batch 64 items; optimizer Adam" in text_of(with_config(ended, input=None))
