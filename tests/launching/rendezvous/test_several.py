import pytest

from pipebench.config.run_config import RunOptions
from pipebench.errors import UsageError
from pipebench.launching.rendezvous.several import as_told
from pipebench.launching.rendezvous.told import Told

FOUR = Told("torchrun", 0, 0, 4, "a", 1, True)


@pytest.mark.parametrize("gpus", [None, 4])
@pytest.mark.parametrize("launches", [None, 1])
def test_it_is_one_launch_with_a_device_for_each_rank(gpus: int | None, launches: int | None) -> None:
    options = as_told(RunOptions(gpus=8, device="cpu", launches=launches), FOUR, gpus=gpus)
    assert (options.gpus, options.launches) == (4, 1)


@pytest.mark.parametrize(
    ("changes", "gpus", "words"),
    [
        ({}, 2, "--gpus 2: expected 4, a device for each rank that torchrun started"),
        ({"device": "emulated"}, None, "--device emulated: torchrun started 4 ranks"),
        ({"machine": "a100-nvlink"}, None, "--machine a100-nvlink: torchrun started 4 ranks"),
        ({"launches": 3}, None, "--launches: torchrun started one launch"),
        ({"quick": True}, None, "--quick: torchrun started one launch"),
        ({"rigorous": True}, None, "--rigorous: torchrun started one launch"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], gpus: int | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        as_told(RunOptions(**changes), FOUR, gpus=gpus)  # type: ignore[arg-type]
