"""The kinds of warnings, by their names in records; readers of records may rely on the names.

A record that another version wrote may have other codes.
"""

from enum import StrEnum, unique


@unique
class WarningCode(StrEnum):
    """What is doubtful; the warning's cause and next step are made where it is found."""

    # of a run: the machine
    RUN_BESIDE = "run-beside"
    CORES_SHARED = "cores-shared"
    FEW_CORES = "few-cores"
    CPU_CONTENTION = "cpu-contention"
    GPU_SHARED = "gpu-shared"
    THROTTLED = "throttled"
    DILATION = "dilation"
    PAGE_FAULTS = "page-faults"

    # of a run: its launches
    ONE_LAUNCH = "one-launch"
    WIDE_INTERVAL = "wide-interval"
    BASELINE_VARIED = "baseline-varied"
    BASELINE_SLOWED = "baseline-slowed"
    OTHER_LIBRARY = "other-library"

    # of a run: its plan and its gradients
    IMBALANCE = "imbalance"
    SHARING_SLOWS = "sharing-slows"
    SLOWER_THAN_ONE_DEVICE = "slower-than-one-device"
    VANISHING_GRADIENTS = "vanishing-gradients"

    # of its input or of the user's own model
    UNKNOWN_WORDS = "unknown-words"
    SHORT_TEXT = "short-text"
    EMPTY_SIDES = "empty-sides"
    OWN_MODEL = "own-model"

    # a fault that was put in
    CLOCK_WRONG_ON_PURPOSE = "clock-wrong-on-purpose"
    SLOWED_ON_PURPOSE = "slowed-on-purpose"
    WRONG_ON_PURPOSE = "wrong-on-purpose"

    # of a comparison: which records it is of
    UNLIKE = "unlike"
    PASSED_OVER = "passed-over"
    SAME_RECORD = "same-record"
    SAME_FILES = "same-files"
    CONTRADICTION = "contradiction"

    # of a comparison: its samples
    DRIFT = "drift"
    BIMODAL = "bimodal"
    LAUNCH_APART = "launch-apart"
    FEW_LAUNCHES = "few-launches"
    FEW_RUNS = "few-runs"
    SAMPLES_DIFFER = "samples-differ"
    COARSE_VALUES = "coarse-values"
    RANK_TEST = "rank-test"
    THRESHOLD_BELOW_NOISE = "threshold-below-noise"
    CLOCK_NEVER_PASSES = "clock-never-passes"
    BASELINE_NEVER_PASSES = "baseline-never-passes"

    # of a run that another program measured
    ASSUMED = "assumed"
    UNIT = "unit"
    LAST_STAGE_WAITS = "last-stage-waits"
    REPLICA_APART = "replica-apart"
    STEPS_APART = "steps-apart"
    SOME_STEPS = "some-steps"
    REPLAY_OFF = "replay-off"
