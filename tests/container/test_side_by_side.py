"""The baseline's image beside the candidate's, on a real engine."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import ImageNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.container

TEST_FILE = """\
import numpy as np
import pytest


@pytest.mark.modelgate("toy")
@pytest.mark.load(requests=20, warmup=2)
@pytest.mark.latency(p50="{threshold}")
def test_toy(modelgate):
    modelgate.check({{"row": {{"x": np.zeros((1, 4), np.float32)}}}})
"""
WIDE, NARROW = "+99999 %", "+50 %"


@pytest.fixture
def label() -> str:
    """What marks the images of a test."""
    return f"modelgate-test={uuid.uuid4().hex}"


@pytest.fixture
def tagged(fault_binary: Path, tmp_path: Path, label: str) -> Iterator[Callable[[str], str]]:
    """Make the tag one of an image whose server computes so long; return the image's id."""
    folder = tmp_path / "image"
    folder.mkdir()
    shutil.copy(fault_binary, folder)
    tag = f"modelgate-test/beside:{uuid.uuid4().hex[:12]}"
    engine = docker.from_env()

    def tagged(work: str) -> str:
        (folder / "Dockerfile").write_text(
            f"FROM scratch\nCOPY faults /faults\nLABEL {label}\nENV FAULT_WORK={work}\n"
            'ENTRYPOINT ["/faults"]\n'
        )
        image, _ = engine.images.build(path=str(folder), tag=tag, rm=True)
        return str(image.id)

    tagged.tag = tag  # type: ignore[attr-defined]  # a function with the name that it gives
    yield tagged
    left = engine.containers.list(all=True, filters={"label": label})
    for image in engine.images.list(filters={"label": label}):
        engine.images.remove(image.id, force=True)
    engine.close()
    assert left == []  # a container has the labels of its image


@pytest.fixture
def gate(pytester, tagged, monkeypatch):
    """Run the gate of a server whose image has the tag; returns its report's only metric."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makefile(
        ".toml",
        modelgate=f"""
        runs = 2
        side_by_side = "auto"
        json = "report.json"
        [servers.toy]
        protocol = "oip-http"
        model = "toy"
        image = "{tagged.tag}"
        args = ["--http", "{{host}}:{{port}}"]
        """,
    )

    def gate(threshold: str, *args: str, **outcomes: int):
        pytester.makepyfile(test_toy=TEST_FILE.format(threshold=threshold))
        result = pytester.runpytest_subprocess(
            "--disable-plugin-autoload", "-p", "modelgate", "--modelgate", *args
        )
        result.assert_outcomes(**outcomes)
        return result

    return gate


def metric(pytester):
    (found,) = json.loads((pytester.path / "report.json").read_text())["gates"]
    return next(one for one in found["metrics"] if one["name"] == "latency.p50")


def test_a_tag_that_has_moved_to_a_slower_image_is_a_breach(gate, tagged, pytester):
    tagged("1ms")
    gate(WIDE, "--update-baseline", passed=1)
    tagged("5ms")
    gate(NARROW, failed=1)
    found = metric(pytester)
    assert (found["method"], found["verdict"]) == ("side-by-side", "breach")
    assert found["runs"] >= 3
    assert found["change"]["low"] > 0.5


def test_the_same_image_beside_itself_passes(gate, tagged, pytester):
    tagged("1ms")
    gate(WIDE, "--update-baseline", passed=1)
    gate(WIDE, "--modelgate-side-by-side=always", passed=1)
    found = metric(pytester)
    assert (found["method"], found["verdict"]) == ("side-by-side", "pass")


def test_where_the_baselines_image_was_removed_the_verdict_says_so(gate, tagged, pytester):
    recorded = tagged("1ms")
    gate(WIDE, "--update-baseline", passed=1)
    tagged("2ms")
    with contextlib.closing(docker.from_env()) as engine:
        engine.images.remove(recorded, force=True)
        with pytest.raises(ImageNotFound):
            engine.images.get(recorded)
    gate(WIDE, "--modelgate-side-by-side=always", failed=1)
    found = metric(pytester)
    assert found["verdict"] == "inconclusive"
    assert found["reason"].startswith("not settled side by side: the baseline's image sha256:")
    assert "is not in the engine any more" in found["reason"]
