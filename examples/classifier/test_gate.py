"""The classifier's gate. Run it with `pytest --modelgate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from documents import all_documents, features

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.gate import Gate


@pytest.fixture
def documents() -> Mapping[str, object]:
    """Return the model's input for each document, by the document's name."""
    return {name: {"bytes": features(content)} for name, content in all_documents().items()}


@pytest.mark.modelgate("classifier")
@pytest.mark.load(concurrency=1, requests=300)
@pytest.mark.latency(p50="+50 %", p99="< 200 ms")
@pytest.mark.memory(peak="+20 %", growth="< 32 KiB/request")
@pytest.mark.drift(rtol=1e-3, atol=1e-5)
def test_classifier(modelgate: Gate, documents: Mapping[str, object]) -> None:
    modelgate.check(documents)
