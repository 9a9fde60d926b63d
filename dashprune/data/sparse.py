"""Networks as sparse matrices: made, made dense in part, and handed to torch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import DTypeLike
from scipy.sparse import csr_array


def sparse(matrix: csr_array | np.ndarray, dtype: DTypeLike) -> csr_array:
    """A sparse copy of a matrix in the one form that holds each nonzero entry once, row by row, and no zero."""
    copy = csr_array(matrix, dtype=dtype, copy=True)
    copy.sum_duplicates()
    copy.eliminate_zeros()
    return copy


def dense(matrix: csr_array | np.ndarray, columns: slice) -> np.ndarray:
    """(rows, columns) of a dense or sparse matrix."""
    block = matrix[:, columns]
    return block if isinstance(block, np.ndarray) else block.toarray()


def sparse_tensor(matrix: csr_array, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """`matrix` as a coalesced sparse tensor (rows, columns), to stand left of @ with a dense one.

    In coordinates, since a buffer in torch's compressed rows can neither be copied nor be made without a warning.
    """
    entries = matrix.tocoo()
    indices, values = np.stack([entries.row, entries.col]), torch.as_tensor(entries.data)
    return torch.sparse_coo_tensor(
        torch.as_tensor(indices), values, matrix.shape, dtype=dtype, device=device, check_invariants=True
    ).coalesce()
