"""What a launch is told, and what is known after it."""

from collections.abc import Iterator

import pytest

from pipebench.errors import RunFailedError
from pipebench.launching import messages
from pipebench.launching.messages import Form
from pipebench.launching.phases import Phase
from pipebench.models.registry import given_to
from pipebench.run.next_launch import NextLaunch, job_of
from pipebench.run.so_far import SoFar
from tests.builders import launch
from tests.run.launches import RECORD, Watcher, config

RACED = messages.Raced(Form("chain"), [], 2e11, device=1, found={"packed_products": True}, too_big=["fused"])


class Reporting:
    """A launcher whose one launch reports these messages."""

    def __init__(self, *reports: messages.AnyMessage) -> None:
        self.reports = reports

    def run(self, job: messages.Job) -> Iterator[messages.AnyMessage]:
        yield from self.reports


def known(**options: object) -> SoFar:
    asked = config(**options)
    return SoFar(asked, given=given_to(asked))


def run(so_far: SoFar, *reports: messages.AnyMessage, beside: tuple[SoFar, ...] = ()) -> Watcher:
    watcher = Watcher()
    NextLaunch(so_far, beside, watcher, None).run(Reporting(*reports))  # type: ignore[arg-type]
    return watcher


def measured(which: int = 0) -> messages.Measured:
    return messages.Measured(launch([2.0], [1.0]), [RECORD.timeline], which)


def test_what_was_raced_is_told_to_the_launches_after_it() -> None:
    so_far, other = known(), known(schedule="1f1b")
    first = job_of(so_far, [other])
    assert (first.form, first.host_flops_per_s, first.beside) == (None, None, (other.config,))
    run(so_far, RACED, measured(), measured(1), beside=(other,))
    second = job_of(so_far, [other])
    assert (second.form, second.host_flops_per_s, second.baseline_device) == (Form("chain"), 2e11, 1)
    assert second.beside[0].found == second.config.found == {"packed_products": True}


def test_what_holds_for_all_is_known_of_those_beside_and_a_launch_is_its_own() -> None:
    so_far, other = known(), known(schedule="1f1b")
    reports = [
        messages.Devices(["A", "B"]),
        messages.Environment({"torch": "2"}),
        RACED,
        measured(),
        measured(1),
    ]
    run(so_far, *reports, beside=(other,))
    for each in (so_far, other):
        assert each.device_names == ["A", "B"]
        assert each.environment["torch"] == "2"
        assert each.environment["baseline_forms_too_big"] == "fused"
        assert (len(each.launches), len(each.timelines)) == (1, 1)


def test_progress_is_that_of_the_launch_within_the_run() -> None:
    so_far = known(launches=2)
    half = messages.Progress(phase=Phase.TIMED, share=0.5)
    first, second = run(so_far, half, measured()), run(so_far, half, measured())
    assert [each.doing[-1].split(":")[0] for each in (first, second)] == ["launch 1 of 2", "launch 2 of 2"]
    assert first.shares[0] == 0.0 < first.shares[1] < second.shares[0] < second.shares[1] < 1.0


def test_a_launch_that_reports_no_result_is_broken() -> None:
    with pytest.raises(RunFailedError, match=r"^launch 1 of 3 ended without a result$"):
        run(known(), RACED)
