"""What a server declares of its inputs and outputs: has it changed, and does it keep to it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modelgate.tensors import datatype_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.tensors import Contract, Tensors, TensorSpec


def contract_differences(recorded: Contract, now: Contract) -> tuple[str, ...]:
    """Return a sentence for every declared tensor that is gone, new or other, in any order."""
    return (
        *_differences("input", _by_name(recorded.inputs), _by_name(now.inputs)),
        *_differences("output", _by_name(recorded.outputs), _by_name(now.outputs)),
    )


def check_against_contract(answer: Tensors, contract: Contract) -> tuple[str, ...]:
    """Return a sentence for every way in which an answer breaks the server's own declaration.

    A declared dimension of -1 takes any length; the number of dimensions must be the declared one.
    """
    declared = _by_name(contract.outputs)
    sentences = [f"declared output {name!r} is missing" for name in declared if name not in answer]
    for name, array in answer.items():
        spec = declared.get(name)
        if spec is None:
            sentences.append(f"output {name!r} is not declared")
            continue
        datatype = datatype_of(array.dtype) or str(array.dtype)
        if datatype != spec.datatype:
            sentences.append(f"output {name!r} is {datatype}, declared {spec.datatype}")
        if not _fits(array.shape, spec.shape):
            shapes = f"{list(array.shape)}, declared {list(spec.shape)}"
            sentences.append(f"output {name!r} has shape {shapes}")
    return tuple(sentences)


def _differences(
    kind: str, recorded: Mapping[str, TensorSpec], now: Mapping[str, TensorSpec]
) -> list[str]:
    sentences = [f"{kind} {name!r} is gone" for name in recorded if name not in now]
    for name, spec in now.items():
        old = recorded.get(name)
        if old is None:
            sentences.append(f"{kind} {name!r} is new")
            continue
        if spec.datatype != old.datatype:
            sentences.append(f"{kind} {name!r} is {spec.datatype}, was {old.datatype}")
        if spec.shape != old.shape:
            shapes = f"{list(spec.shape)}, was {list(old.shape)}"
            sentences.append(f"{kind} {name!r} has shape {shapes}")
    return sentences


def _by_name(specs: tuple[TensorSpec, ...]) -> dict[str, TensorSpec]:
    return {spec.name: spec for spec in specs}


def _fits(shape: tuple[int, ...], declared: tuple[int, ...]) -> bool:
    return len(shape) == len(declared) and all(
        length in (-1, actual) for actual, length in zip(shape, declared, strict=True)
    )
