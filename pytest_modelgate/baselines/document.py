"""A baseline as the text of baseline.json, and back, strictly."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from pytest_modelgate.baselines.record import Baseline
from pytest_modelgate.errors import BaselineError
from pytest_modelgate.runs import Run
from pytest_modelgate.stats.sketch import LatencySketch, SketchError
from pytest_modelgate.tensors import Contract, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.tensors import Tensors

SCHEMA = "modelgate-baseline/1"

_SCHEMA = re.compile(r"modelgate-baseline/(\d{1,9})")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONFLICT = re.compile(rb"^<{7}( |$)", re.MULTILINE)


@dataclass(frozen=True)
class AnswersReference:
    """The answers of a baseline, by reference.

    :ivar sha256: of the safetensors file, in hexadecimal.
    :ivar tensors: key → declaration, see `answers_file`.
    """

    sha256: str
    tensors: Mapping[str, str]


def to_json(baseline: Baseline, answers: AnswersReference | None) -> bytes:
    """Return the document: sorted keys, indented; the same baseline gives the same bytes.

    :raises BaselineError: a value that is NaN or infinite.
    """
    runs = [_run_document(run, f"run {number}") for number, run in enumerate(baseline.runs, 1)]
    document = {
        "schema": SCHEMA,
        "test": baseline.test,
        "server": baseline.server,
        "recorded_at": baseline.recorded_at,
        "runs": runs,
        "exact": _finite(baseline.exact, "this measurement"),
        "fingerprint": dict(baseline.fingerprint),
        "provenance": dict(baseline.provenance),
        "contract": baseline.contract and _contract_document(baseline.contract),
        "answers": answers and {"sha256": answers.sha256, "tensors": dict(answers.tensors)},
    }
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def _run_document(run: Run, where: str) -> dict[str, object]:
    return {
        "values": _finite(run.values, where),
        "requests": run.requests,
        "failures": run.failures,
        "latencies": run.latencies.encode(),
    }


def _contract_document(contract: Contract) -> dict[str, object]:
    return {
        side: [{"name": t.name, "datatype": t.datatype, "shape": list(t.shape)} for t in tensors]
        for side, tensors in (("inputs", contract.inputs), ("outputs", contract.outputs))
    }


def _finite(values: Mapping[str, float], where: str) -> dict[str, float]:
    for metric, value in values.items():
        if not math.isfinite(value):
            raise BaselineError(
                f"{metric} of {where} is {value}, which no baseline can hold",
                hint="where requests failed, their latency has no end: let none fail",
            )
    return {metric: float(value) for metric, value in values.items()}


@dataclass(frozen=True)
class Document:
    """A baseline.json that has been read and checked, its answers not yet."""

    baseline: Baseline  # with no answers
    answers: AnswersReference | None

    def with_answers(self, answers: Mapping[str, Tensors]) -> Baseline:
        """Return the whole baseline."""
        return replace(self.baseline, answers=answers)


def from_json(content: bytes) -> Document:
    """Read a document.

    :raises BaselineError: saying what is wrong with it, and where.
    """
    root = _parse(content)
    _check_schema(root)
    contract, answers = root["contract"].optional(), root["answers"].optional()
    baseline = Baseline(
        test=root["test"].text(),
        server=root["server"].text(),
        recorded_at=root["recorded_at"].text(),
        runs=tuple(_run(node) for node in root["runs"].entries()),
        exact=root["exact"].numbers(),
        fingerprint=root["fingerprint"].texts(),
        provenance=root["provenance"].texts(),
        contract=None if contract is None else _contract(contract),
        answers={},
    )
    return Document(baseline, None if answers is None else _answers_reference(answers))


def _parse(content: bytes) -> _Node:
    if _CONFLICT.search(content):
        raise BaselineError(
            "it holds the marks of a git merge conflict",
            hint="take one side (`git checkout --ours` or `--theirs`), or record anew",
        )
    try:
        value = json.loads(content, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except ValueError as error:  # not JSON, not UTF-8, or refused by the two functions below
        raise BaselineError("it is not valid JSON", got=str(error)) from error
    except RecursionError as error:
        raise BaselineError("it is not valid JSON", got="nesting without end") from error
    return _Node(value, "the document")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"the number {name}")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(f"a key twice among {', '.join(key for key, _ in pairs)}")
    return members


def _check_schema(root: _Node) -> None:
    schema = root["schema"].text()
    if schema == SCHEMA:
        return
    match = _SCHEMA.fullmatch(schema)
    if match and int(match.group(1)) > 1:
        raise BaselineError(
            "it was written by a newer pytest-modelgate",
            expected=SCHEMA,
            got=schema,
            hint="upgrade pytest-modelgate",
        )
    raise BaselineError("it is not a baseline", expected=SCHEMA, got=schema)


def _run(node: _Node) -> Run:
    requests, failures = node["requests"].count(), node["failures"].count()
    if failures > requests:
        raise node["failures"].error(f"at most {requests}, the number of requests")
    latencies = node["latencies"]
    try:
        sketch = LatencySketch.decode(latencies.text())
    except SketchError as error:
        raise latencies.error("an encoded latency sketch") from error
    return Run(node["values"].numbers(), requests, failures, sketch)


def _contract(node: _Node) -> Contract:
    return Contract(inputs=_specs(node["inputs"]), outputs=_specs(node["outputs"]))


def _specs(node: _Node) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            name=tensor["name"].text(),
            datatype=tensor["datatype"].text(),
            shape=tuple(size.integer() for size in tensor["shape"].entries()),
        )
        for tensor in node.entries()
    )


def _answers_reference(node: _Node) -> AnswersReference:
    sha256 = node["sha256"].text()
    if not _SHA256.fullmatch(sha256):
        raise node["sha256"].error("64 hexadecimal digits")
    return AnswersReference(sha256, node["tensors"].texts())


@dataclass(frozen=True)
class _Node:
    """A value of the document, and where it stands; every method raises BaselineError."""

    value: object
    where: str

    def error(self, expected: str) -> BaselineError:
        return BaselineError(
            f"{self.where} is not valid", expected=expected, got=f"{self.value!r:.60}"
        )

    def __getitem__(self, key: str) -> _Node:
        members = self._object()
        if key not in members:
            raise BaselineError(f"{self.where} has no {key!r}")
        return _Node(members[key], f"{key!r} of {self.where}")

    def optional(self) -> _Node | None:
        return None if self.value is None else self

    def text(self) -> str:
        if isinstance(self.value, str):
            return self.value
        raise self.error("a string")

    def integer(self) -> int:
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return self.value
        raise self.error("an integer")

    def count(self) -> int:
        number = self.integer()
        if number >= 0:
            return number
        raise self.error("0 or more")

    def number(self) -> float:
        value = self.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:  # an integer beyond all floats
                number = math.inf
            if math.isfinite(number):
                return number
        raise self.error("a finite number")

    def entries(self) -> list[_Node]:
        if not isinstance(self.value, list):
            raise self.error("an array")
        return [_Node(item, f"item {i} of {self.where}") for i, item in enumerate(self.value, 1)]

    def numbers(self) -> dict[str, float]:
        return {key: self[key].number() for key in self._object()}

    def texts(self) -> dict[str, str]:
        return {key: self[key].text() for key in self._object()}

    def _object(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise self.error("an object")
        return self.value
