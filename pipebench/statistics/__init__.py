"""Statistics of launches. Pure; tested against scipy and by simulation.

The replicate is the launch: steps of one launch are not independent. Times and ratios are positive and their
errors multiply, so everything is done on logarithms, and a mean is a geometric mean.

    intervals       a mean with its interval; the ratio of two groups of launches with Welch's interval
    ranks           the exact Mann-Whitney test
    families        Holm's adjustment for several tests at once
    power           what effect a comparison can find, how many launches it needs
    changes         where a series of runs changed its level
    patterns        signs that launches did not repeat one measurement: a trend, two clusters
    distributions   Student's t
"""

from pipebench.statistics.changes import ChangePoint, change_points, runs_needed
from pipebench.statistics.distributions import incomplete_beta, student_t_cdf, student_t_quantile
from pipebench.statistics.families import holm
from pipebench.statistics.intervals import GroupRatio, Interval, geometric_mean, group_ratio, ratio_interval
from pipebench.statistics.patterns import Clusters, Trend, clusters, trend
from pipebench.statistics.power import detection_power, launches_needed, minimum_detectable_effect
from pipebench.statistics.ranks import mann_whitney

__all__ = [
    "ChangePoint",
    "Clusters",
    "GroupRatio",
    "Interval",
    "Trend",
    "change_points",
    "clusters",
    "detection_power",
    "geometric_mean",
    "group_ratio",
    "holm",
    "incomplete_beta",
    "launches_needed",
    "mann_whitney",
    "minimum_detectable_effect",
    "ratio_interval",
    "runs_needed",
    "student_t_cdf",
    "student_t_quantile",
    "trend",
]
