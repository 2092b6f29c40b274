from random import Random

import pytest

from pipebench.statistics import holm


def test_holm_by_hand() -> None:
    adjusted = holm({"a": 0.04, "b": 0.01, "c": 0.03})
    assert adjusted == {"a": pytest.approx(0.06), "b": pytest.approx(0.03), "c": pytest.approx(0.06)}
    assert list(adjusted) == ["a", "b", "c"]


def test_one_test_alone_keeps_its_p_value_and_none_exceeds_1() -> None:
    assert holm({"a": 0.04}) == {"a": 0.04}
    assert holm({"a": 0.7, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_rejection_is_that_of_the_step_down_rule() -> None:
    """Reject the k-th smallest while p <= level / (m - k + 1): the definition, on random families."""
    random = Random(3)
    for _ in range(300):
        p_values = {n: random.random() ** 4 for n in range(random.randint(1, 6))}
        rejected = set()
        for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
            if p_values[name] > 0.05 / (len(p_values) - rank):
                break
            rejected.add(name)
        assert {name for name, p in holm(p_values).items() if p <= 0.05} == rejected


def test_true_hypotheses_are_rejected_in_5_percent_of_families_at_most() -> None:
    random = Random(11)
    families = ({n: random.random() for n in range(4)} for _ in range(4000))
    assert sum(min(holm(family).values()) <= 0.05 for family in families) / 4000 == pytest.approx(
        0.05, abs=0.01
    )
