"""How two sets of conditions differ."""

from pytest_modelgate.baselines.conditions import differences


def test_equal_conditions_have_no_differences():
    assert differences({"a": "1"}, {"a": "1"}) == ()


def test_every_difference_is_said_with_both_sides_sorted():
    assert differences(
        {"kernel": "6.1", "cpu_model": "A", "gone": "x", "same": "s"},
        {"kernel": "6.2", "cpu_model": "B", "new": "y", "same": "s"},
    ) == (
        "cpu_model: recorded 'A', now 'B'",
        "gone: recorded 'x', now nothing",
        "kernel: recorded '6.1', now '6.2'",
        "new: recorded nothing, now 'y'",
    )
