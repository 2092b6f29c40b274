"""JUnit as others read it: with its time, timestamp and hostname."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from junitparser import Error, Failure, JUnitXml, TestSuite

from pipebench.render.comparison.junit import Ran, junit, junit_error
from tests.builders import steady_record, with_config
from tests.render.comparison.formats import RAN, compared

ELSEWHERE = timezone(timedelta(hours=2))


def read(text: str) -> TestSuite:
    (suite,) = JUnitXml.fromstring(text.encode())
    assert isinstance(suite, TestSuite)
    return suite


def test_a_suite_says_when_how_long_and_where() -> None:
    ran = Ran(datetime(2026, 11, 27, 10, 0, 1, 999999, tzinfo=ELSEWHERE), 1234.5, "runner-7")
    suite = read(junit(compared(steady_record(), steady_record(1.1)), ran))
    assert (suite.timestamp, suite.hostname) == ("2026-11-27T08:00:01", "runner-7")
    assert suite.time == 1234.5
    assert [case.time for case in suite] == [617.25, 617.25]


@pytest.mark.parametrize("took_s", [0.0, 1e-7, 0.25, 3e6])
def test_the_cases_add_up_and_no_time_has_an_exponent(took_s: float) -> None:
    text = junit(compared(steady_record(), steady_record()), RAN._replace(took_s=took_s))
    suite = read(text)
    assert sum(case.time for case in suite) == pytest.approx(suite.time, abs=2e-6)
    assert all(re.fullmatch(r"\d+\.\d{6}", time) for time in re.findall(r' time="([^"]*)"', text))


def test_verdicts_are_read_as_they_are_meant() -> None:
    slower, other = steady_record(1.1), with_config(steady_record(), hidden=7)
    suite = read(junit(compared(steady_record(), slower, other), RAN))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 2, 2, 0)
    assert [type(case.result[0]) for case in suite] == [Failure, Failure, Error, Error]
    assert suite.name == "pipebench"


def test_an_error_says_when_how_long_and_where_too() -> None:
    suite = read(junit_error("no such record", "UsageError", "check", RAN))
    (case,) = suite
    assert (suite.errors, suite.hostname, case.time) == (1, RAN.hostname, RAN.took_s)
    assert case.result[0].message == "no such record"


def test_a_hostname_is_text_and_no_markup() -> None:
    hostname = '"><evil a="\x1b[31m'
    suite = read(junit(compared(steady_record(), steady_record()), RAN._replace(hostname=hostname)))
    assert suite.hostname is not None
    assert suite.hostname.startswith('"><evil a="')
    assert "\x1b" not in suite.hostname
