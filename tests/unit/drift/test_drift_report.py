"""What a report says of itself."""

from __future__ import annotations

from dataclasses import replace

from pytest_modelgate.drift.report import DriftReport, WorstElement

WORST = WorstElement("doc-3", "label", (0, 17), "0.5", "0.25", "|Δ| = 0.25, allowed 1e-05")
MOVED = DriftReport(64, 13_696, 12, 0.25, 0.5, WORST, ())
SAME = replace(MOVED, mismatched=0, max_abs=0.0, max_rel=0.0, worst=None)


def test_a_report_tells_how_many_differ_and_the_worst_of_them():
    assert MOVED.describe() == [
        "12 of 13,696 elements differ, on 64 inputs (largest |Δ| 0.25, largest |Δ|/|expected| 0.5)",
        f"worst: {WORST}",
    ]


def test_the_worst_element_says_where_it_stands_and_how_far_it_moved():
    where = "input 'doc-3', output 'label' at [0, 17]"
    assert str(WORST) == f"{where}: expected 0.5, got 0.25; |Δ| = 0.25, allowed 1e-05"


def test_a_scalar_has_no_index():
    assert str(replace(WORST, index=())).startswith("input 'doc-3', output 'label': expected")


def test_a_report_of_equal_answers_is_one_line():
    assert SAME.describe() == ["all 13,696 elements match, on 64 inputs"]
    assert replace(SAME, inputs=1, elements=7).describe() == ["all 7 elements match, on 1 input"]


def test_a_report_without_elements_says_that_nothing_was_compared():
    assert replace(SAME, elements=0).describe() == ["no element was compared, on 64 inputs"]


def test_the_first_ten_sentences_on_structure_are_shown_and_the_rest_is_counted():
    sentences = tuple(f"sentence {n}" for n in range(12))
    for count, last in ((9, "sentence 8"), (10, "sentence 9"), (11, "… and 1 more")):
        lines = replace(SAME, structure=sentences[:count]).describe()
        assert lines[-1] == last
        assert len(lines) == 1 + min(count, 10) + (count > 10)
