"""Sparse networks: one form, blocks of columns, and torch's product."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from dashprune.data.sparse import dense, sparse, sparse_tensor

MATRIX = np.array([[0, 2, 0], [-1, 0, 3]])


def test_the_one_form_has_every_entry_once_and_no_zero() -> None:
    twice = csr_array((np.array([1, 1, 5, 0]), np.array([1, 1, 2, 0]), np.array([0, 2, 4])), shape=(2, 3))
    made = sparse(twice, np.float32)
    assert made.dtype == np.float32
    assert made.toarray().tolist() == [[0, 2, 0], [0, 0, 5]]
    assert (made.nnz, made.indices.tolist()) == (2, [1, 2])
    assert twice.nnz == 4


@pytest.mark.parametrize("matrix", [MATRIX, csr_array(MATRIX)], ids=["dense", "sparse"])
def test_some_columns_are_dense(matrix: np.ndarray | csr_array) -> None:
    found = dense(matrix, slice(1, 3))
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [[2, 0], [0, 3]]


def test_a_sparse_tensor_stands_left_of_a_dense_one() -> None:
    made = sparse_tensor(csr_array(MATRIX), torch.float64, torch.device("cpu"))
    assert made.is_coalesced()
    assert made.dtype == torch.float64
    assert (made @ torch.eye(3, dtype=torch.float64)).tolist() == MATRIX.tolist()
