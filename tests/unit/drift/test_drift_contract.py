"""What a server declares, against what it declared before and against what it answers."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from pytest_modelgate.drift.contract import check_against_contract, contract_differences
from pytest_modelgate.tensors import Contract, TensorSpec

X = TensorSpec("x", "INT32", (-1, 2048))
Y = TensorSpec("y", "FP32", (-1, 214))
Z = TensorSpec("z", "BYTES", (1,))


def test_equal_contracts_differ_in_nothing_and_the_order_means_nothing():
    assert contract_differences(Contract((X, Z), (Y,)), Contract((Z, X), (Y,))) == ()


def test_a_tensor_that_is_gone_or_new_is_told_on_either_side():
    assert contract_differences(Contract((X, Z), (Y,)), Contract((X,), (Y, Z))) == (
        "input 'z' is gone",
        "output 'z' is new",
    )


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (TensorSpec("y", "FP64", (-1, 214)), "output 'y' is FP64, was FP32"),
        (TensorSpec("y", "FP32", (-1, 215)), "output 'y' has shape [-1, 215], was [-1, 214]"),
        (TensorSpec("y", "FP32", (1, 214)), "output 'y' has shape [1, 214], was [-1, 214]"),
        (TensorSpec("y", "FP32", (214,)), "output 'y' has shape [214], was [-1, 214]"),
    ],
)
def test_another_datatype_or_shape_is_told(now, told):
    assert contract_differences(Contract((X,), (Y,)), Contract((X,), (now,))) == (told,)


def test_an_answer_that_keeps_to_the_declaration_breaks_nothing():
    contract = Contract((X,), (Y, Z, TensorSpec("b", "BF16", ())))
    answer = {
        "z": np.array([b"a"], dtype=object),
        "y": np.zeros((7, 214), np.float32),
        "b": np.zeros((), ml_dtypes.bfloat16),
    }
    assert check_against_contract(answer, contract) == ()
    assert check_against_contract(answer | {"y": np.zeros((0, 214), np.float32)}, contract) == ()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({}, "declared output 'y' is missing"),
        ({"y": np.zeros((1, 214))}, "output 'y' is FP64, declared FP32"),
        ({"y": np.zeros((1, 214), np.complex64)}, "output 'y' is complex64, declared FP32"),
        ({"y": np.zeros((1, 213), np.float32)}, "shape [1, 213], declared [-1, 214]"),
        ({"y": np.zeros((1, 215), np.float32)}, "shape [1, 215], declared [-1, 214]"),
        ({"y": np.zeros(214, np.float32)}, "shape [214], declared [-1, 214]"),
        ({"y": np.zeros((1, 1, 214), np.float32)}, "shape [1, 1, 214], declared [-1, 214]"),
    ],
)
def test_an_answer_that_breaks_the_declaration_is_told(answer, told):
    (sentence,) = check_against_contract(answer, Contract((X,), (Y,)))
    assert told in sentence


def test_an_output_that_is_not_declared_is_told():
    answer = {"y": np.zeros((1, 214), np.float32), "x": np.zeros(1)}
    assert check_against_contract(answer, Contract((X,), (Y,))) == ("output 'x' is not declared",)
