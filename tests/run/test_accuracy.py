from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET

from pipebench.records.figures import StudyFigures
from pipebench.run.accuracy import HOW_TO_FIND_OUT, Study, figures_of, packaged, quote, unstudied

STUDY = Study(
    date="2026-11-24",
    cpu_model="A CPU",
    cpu_count=2,
    torch="2.13.0",
    devices=2,
    cells=12,
    step_ratio_low=0.9312,
    step_ratio_high=1.0149,
    speedup_ratio_low=0.98,
    speedup_ratio_high=1.07,
)


def test_on_the_studys_machine_its_figures_are_quoted_with_machine_and_date() -> None:
    found = quote(STUDY, cpu_model="A CPU", cpu_count=2, torch="2.13.0")
    assert found.known_here
    assert "0.93 to 1.01 of the time of real ones" in found.text
    assert "speed-ups 0.98 to 1.07" in found.text
    assert found.study == "A CPU, 2 cores, torch 2.13.0, 2026-11-24"
    assert found.study in found.text


@pytest.mark.parametrize(
    ("model", "count", "torch"),
    [
        ("Another CPU", 2, "2.13.0"),
        ("A CPU", 16, "2.13.0"),
        ("A CPU", None, "2.13.0"),
        ("A CPU", 2, "2.11.0"),
        ("A CPU", 2, None),
    ],
)
def test_elsewhere_it_is_unknown_and_how_to_find_out_is_said(
    model: str, count: int | None, torch: str | None
) -> None:
    found = quote(STUDY, cpu_model=model, cpu_count=count, torch=torch)
    assert not found.known_here
    assert found.text.startswith("unknown here (studied on A CPU, 2 cores")
    assert HOW_TO_FIND_OUT in found.text
    assert "0.93" not in found.text


def test_the_packaged_study_is_what_its_records_give(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The figures beside emulated numbers are made from the committed records, by the study's own script."""
    root = Path(__file__).parents[2]
    study = root / "benchmarks" / "emulation-accuracy"
    monkeypatch.syspath_prepend(study)
    import table  # type: ignore[import-not-found]

    monkeypatch.setattr(table, "PACKAGED", tmp_path / "accuracy.json")
    monkeypatch.setattr("sys.argv", ["table.py", str(root / "results" / "emulation-accuracy"), "--package"])
    table.main()
    assert (tmp_path / "accuracy.json").read_bytes() == (
        root / "pipebench" / "run" / "accuracy.json"
    ).read_bytes()
    assert packaged().cells == 12
    readme = (study / "README.md").read_text()
    for line in capsys.readouterr().out.splitlines():
        assert line in readme, "the tables in the README are those that the script prints"


def test_layers_of_the_user_s_own_were_not_studied() -> None:
    found = unstudied(packaged())
    assert not found.known_here
    assert found.text.startswith("unknown for layers of your own (studied on the stacked LSTM, ")


HERE = {"cpu_model": "A CPU", "cpu_count": 2, "torch": "2.13.0"}


@pytest.mark.parametrize("studied", [True, False])
def test_the_figures_stand_in_the_record_and_an_older_one_has_them_in_its_sentence(studied: bool) -> None:
    study = msgspec.structs.replace(STUDY, speedup_ratio_low=0.9812, speedup_ratio_high=1.0688)
    found = quote(study, **HERE, studied=studied)
    assert figures_of(found) == StudyFigures(0.9812, 1.0688, 2, of_this_model=studied)
    older = msgspec.structs.replace(found, figures=UNSET)
    assert figures_of(older) == StudyFigures(0.98, 1.07, 2, of_this_model=studied)


def test_the_record_s_figures_count_whatever_its_sentence_says() -> None:
    changed = msgspec.structs.replace(
        quote(STUDY, **HERE), text="speed-ups 5.00 to 6.00: 1 plan, 9 ranks, this model"
    )
    assert figures_of(changed) == StudyFigures(0.98, 1.07, 2, of_this_model=True)


def test_what_is_unknown_here_has_no_figures() -> None:
    for found in (quote(STUDY, **{**HERE, "torch": None}), unstudied(STUDY)):
        assert found.figures is UNSET
        assert figures_of(found) is None
        assert "figures" not in msgspec.json.decode(msgspec.json.encode(found))
