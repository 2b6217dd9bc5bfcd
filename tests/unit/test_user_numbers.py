"""The numbers that a test records itself."""

import numpy as np
import pytest

from pytest_modelgate.errors import ConfigError
from pytest_modelgate.metrics import Metrics
from pytest_modelgate.runs import Recorded
from pytest_modelgate.user_numbers import user_number


def record(name="recall", value=0.93, *, better="higher", threshold=None, taken=()):
    return user_number(name, value, better, threshold, taken=taken, metrics=Metrics())


def test_a_number_is_taken_as_it_is():
    assert record(threshold="-1 %") == Recorded("recall", 0.93, "higher", "-1 %")


@pytest.mark.parametrize("value", [1, np.float32(0.5), np.int64(3), np.array(2.0)])
def test_any_single_number_will_do(value):
    assert record(value=value).value == float(value)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), True, "0.93", None, [1.0, 2.0]]
)
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(ConfigError, match="recall"):
        record(value=value)


@pytest.mark.parametrize("name", ["latency.p50", "latency.p97", "contract", "memory.peak"])
def test_a_built_in_metrics_name_is_taken(name):
    with pytest.raises(ConfigError, match="the name is taken"):
        record(name)


def test_a_name_is_recorded_once_a_test():
    with pytest.raises(ConfigError, match="the name is taken"):
        record(taken=["recall"])


@pytest.mark.parametrize("name", ["", " ", "1st", "a b", "a/b", 3, "ä"])
def test_a_malformed_name_is_refused(name):
    with pytest.raises(ConfigError, match="needs a name"):
        record(name)


def test_the_direction_is_higher_or_lower():
    with pytest.raises(ConfigError, match="'higher' or 'lower'"):
        record(better="up")


def test_a_malformed_threshold_is_refused_at_once():
    with pytest.raises(ConfigError):
        record(threshold="one percent")
