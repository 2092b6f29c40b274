import json

import msgspec
from rich.console import Console

from pipebench.comparison.noise_cache import Noise
from pipebench.render.calibration import calibration_report, document

NOISE = Noise(
    created="2026-11-24T09:15:00",
    launches=8,
    key={"clock": "wall"},
    log_sd={"words_per_s": 0.02, "speedup": 0.01, "baseline_words_per_s": 0.015},
)


def test_lines_are_aligned_and_fit_80_columns() -> None:
    console = Console(width=80, record=True)
    console.print(calibration_report(NOISE))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines[1:] == [
        "            spread  3 launches  6 launches  12 launches",
        "words/s     2.00 %       9.2 %       5.0 %        3.3 %",
        "one device  1.50 %       7.0 %       3.8 %        2.5 %",
        "speed-up    1.00 %       4.7 %       2.6 %        1.7 %",
        "4 launches are the fewest that check takes for a verdict",
    ]


def test_json_has_what_can_be_found_by_launches() -> None:
    found = json.loads(document(NOISE))
    assert found["kind"] == "calibration"
    assert found["log_sd"] == NOISE.log_sd
    assert list(found["detectable"]["speedup"]) == ["3", "6", "12"]


def test_an_own_model_s_noise_is_told_in_its_unit() -> None:
    log_sd = {"throughput": 0.02, "baseline_throughput": 0.015, "speedup": 0.01}
    noise = msgspec.structs.replace(NOISE, log_sd=log_sd, unit="samples", baseline_devices=2)
    console = Console(width=80, record=True)
    console.print(calibration_report(noise))
    text = console.export_text()
    assert "samples/s " in text
    assert "baseline " in text
    assert "speed-up relative to 2 devices" in text
    assert "words" not in text
