"""JUnit XML, which CI systems show: a breach is the item's own failure."""

import xml.etree.ElementTree as ET

from gate_project import BROKEN, KEPT, gated


def cases(project, *args):
    """The test cases of the XML by name."""
    project.gate("--junitxml=junit.xml", *args)
    root = ET.parse(project.path / "junit.xml").getroot()
    return {case.get("name"): case for case in root.iter("testcase")}


def test_a_breach_is_the_items_failure_with_the_message_in_it(project):
    project.write_tests(gated(KEPT, name="test_kept"), gated(BROKEN, name="test_broken"))
    found = cases(project)
    assert len(found["test_kept"]) == 0
    (failure,) = found["test_broken"]
    assert failure.tag == "failure"
    assert failure.get("message") == "Failed: modelgate: breach — toy: latency.p50"
    assert "latency.p50: breach" in failure.text
    assert "threshold < 1 ns" in failure.text
    assert "plugin.py" not in failure.text


def test_what_is_inconclusive_is_a_failure_too(project):
    project.write_tests(gated('@pytest.mark.latency(p50="+5 %")'))
    (failure,) = cases(project)["test_toy"]
    assert "no baseline" in failure.text


def test_a_server_that_does_not_start_is_the_items_failure_with_its_log(project):
    project.configure(flags={"fault": "crash-at-start"})
    (failure,) = cases(project)["test_toy"]
    assert "fatal: shard 60 of 60 is corrupt" in failure.text


def test_escape_sequences_of_a_servers_log_leave_the_file_well_formed(project):
    project.configure(flags={"fault": "chatty,error-500", "after": 20})
    (failure,) = cases(project)["test_toy"]
    assert "server's last 50 log lines" in failure.text
