"""The example's server gives the answers that ONNX Runtime gives in this process."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from pytest_modelgate.config.specs import DriftSpec, ServerSpec
from pytest_modelgate.drift.compare import compare_answers
from pytest_modelgate.load.closed_loop import send_each
from pytest_modelgate.load.target import Target
from pytest_modelgate.load.workload import Workload
from pytest_modelgate.protocols.oip_http import oip_http
from pytest_modelgate.servers.await_ready import await_ready
from pytest_modelgate.servers.http_get import HttpGet
from pytest_modelgate.tensors import TensorSpec

MODEL = Path(__file__).parents[2] / "examples/classifier/server/assets/model.onnx"

pytestmark = pytest.mark.container


@pytest.fixture(scope="module")
def inputs() -> dict[str, np.ndarray]:
    """Documents as the model takes them: 0 to 255 are bytes, 256 is padding; batches too."""
    random = np.random.default_rng(20261124)
    documents = {f"random {i}": random.integers(0, 257, (1, 2048), np.int32) for i in range(6)}
    documents["padding"] = np.full((1, 2048), 256, np.int32)
    documents["batch"] = random.integers(0, 257, (3, 2048), np.int32)
    return documents


@pytest.fixture
def classifier(kind):
    spec = ServerSpec(
        "classifier",
        "docker",
        "oip-http",
        image="modelgate-example/classifier:dev",
        args=("--http", "{host}:{port}"),
        model="magika",
        cpus=1,
        memory_bytes=512 << 20,
    )
    kind.prepare(spec)
    server = kind.start(spec)
    protocol = oip_http(spec)
    with HttpGet(server) as get:
        await_ready(
            server,
            lambda: protocol.is_live(get),
            lambda: protocol.is_ready(get),
            timeout_s=60,
            began_s=0,
            clock=lambda: 0,
        )
        yield protocol, server, get
    server.stop()


def test_its_answers_are_those_of_onnx_runtime_in_this_process(classifier, inputs):
    protocol, server, _ = classifier
    session = onnxruntime.InferenceSession(MODEL)
    expected = {
        name: {"target_label": session.run(["target_label"], {"bytes": document})[0]}
        for name, document in inputs.items()
    }
    target = Target(server.host, server.port, path=protocol.route.path)
    named = {name: {"bytes": document} for name, document in inputs.items()}
    with Workload.spool(named, protocol.encode) as workload:
        bodies = send_each(target, workload, range(len(workload)), timeout_s=10)
        answers = {workload.name(i): (protocol.decode(body),) for i, body in enumerate(bodies)}
    # The same library, but another version of it: not bit for bit.
    report = compare_answers(expected, answers, DriftSpec(rtol=1e-4, atol=1e-6))
    assert report.elements == 214 * (len(inputs) + 2)
    assert report.mismatched == 0, "\n".join(report.describe())
    assert report.structure == ()


def test_it_declares_the_models_contract(classifier):
    protocol, _, get = classifier
    contract = protocol.contract(get)
    assert contract.inputs == (TensorSpec("bytes", "INT32", (-1, 2048)),)
    assert contract.outputs == (TensorSpec("target_label", "FP32", (-1, 214)),)
