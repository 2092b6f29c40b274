from pathlib import Path

from pipebench.comparison.compare import compare
from pipebench.comparison.specimen import specimen
from pipebench.plan.graph import Graph
from pipebench.records.selection import Source
from pipebench.records.timelines import timeline_from


def test_the_specimen_s_launches_differ_and_its_noise_is_below_the_threshold() -> None:
    found = compare([Source(specimen(), Path("a")), Source(specimen(), Path("b"))])
    assert found.overall.verdict == "same"
    assert len({launch.pipeline.step_s[0] for launch in specimen().launches}) == 6


def test_its_timeline_is_one_of_its_plan() -> None:
    record = specimen()
    timeline = timeline_from(record.timeline, Graph(2, 1, 1))
    assert timeline.bubble_fraction == record.bubble.fraction
