"""Training the survivors only: large masked layers as sparse matrices during an epoch.

A mask alone saves nothing: every step still multiplies, masks and updates all weights. Within `compacted`, a layer of
which few weights are left multiplies by a sparse matrix, its gradient is that of the survivors alone, and so is what
the optimiser updates. Afterwards layers, masks and optimiser are as before, with the survivors' new values.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from dashprune.models.base import VectorField
from dashprune.models.parametrizations import FixedMask, mask_of

LEAST_WEIGHTS = 100_000
"""Smaller layers stay dense: there the calls cost more than the arithmetic."""
MOST_DENSE = 0.25
"""A layer of which more survives stays dense."""

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")


@contextlib.contextmanager
def compacted(
    model: VectorField, optimizer: torch.optim.Optimizer, least_weights: int = LEAST_WEIGHTS
) -> Iterator[None]:
    """Let the masked layers of `model` for which it pays compute and learn as sparse matrices.

    Meanwhile `layer.weight` keeps its old value and gets no gradient, so only an objective that is a function of the
    model's outputs may be minimised. On a GPU, where dense products of these sizes cost little, nothing is changed.

    Args:
        model: whose layers carry masks.
        optimizer: of the model; works on the survivors meanwhile, its moments included.
        least_weights: in a layer, for it to pay.
    """
    layers = [_SparseLayer(layer) for layer in model.layers() if _pays(layer, least_weights)]
    for layer in layers:
        layer.swap_in(optimizer)
    model.by_weights = not layers
    try:
        yield
    finally:
        model.by_weights = True
        for layer in layers:
            layer.swap_out(optimizer)


def _pays(layer: nn.Linear, least_weights: int) -> bool:
    if not parametrize.is_parametrized(layer, "weight"):
        return False
    if [type(part) for part in layer.get_submodule("parametrizations.weight").children()] != [FixedMask]:
        return False
    mask = mask_of(layer)
    return mask.device.type == "cpu" and mask.numel() >= least_weights and bool(mask.mean() <= MOST_DENSE)


class _SparseLayer:
    """A masked linear layer and its surviving weights as a parameter of their own."""

    def __init__(self, layer: nn.Linear) -> None:
        self.layer = layer
        self.weight = cast(parametrize.ParametrizationList, layer.get_submodule("parametrizations.weight")).original
        mask = mask_of(layer)
        self.survivors = mask.flatten().nonzero().squeeze(1)
        self.values = nn.Parameter(self.weight.detach().flatten()[self.survivors])
        self.matrix = _Matrix(mask)

    def swap_in(self, optimizer: torch.optim.Optimizer) -> None:
        _replace(optimizer, self.weight, self.values, lambda moment: moment.flatten()[self.survivors])
        self.layer.forward = self.forward  # type: ignore[method-assign,assignment]
        self.hook = optimizer.register_step_post_hook(self.matrix.forget)

    def swap_out(self, optimizer: torch.optim.Optimizer) -> None:
        self.hook.remove()
        del self.layer.forward
        _replace(optimizer, self.values, self.weight, self._spread)
        with torch.no_grad():
            self.weight.view(-1)[self.survivors] = self.values

    def _spread(self, moment: Tensor) -> Tensor:
        full = torch.zeros_like(self.weight)
        full.view(-1)[self.survivors] = moment
        return full

    def forward(self, x: Tensor) -> Tensor:
        y = _SparseProduct.apply(x.reshape(-1, x.shape[-1]), self.values, self.matrix)
        y = y.reshape(*x.shape[:-1], -1)
        return y if self.layer.bias is None else y + self.layer.bias


def _replace(optimizer: torch.optim.Optimizer, old: Tensor, new: Tensor, convert: Callable[[Tensor], Tensor]) -> None:
    """Put `new` in the place of `old` in the optimiser, its moments converted."""
    for group in optimizer.param_groups:
        group["params"] = [new if parameter is old else parameter for parameter in group["params"]]
    state = optimizer.state.pop(old, None)
    if state is not None:
        optimizer.state[new] = {k: convert(v) if v.shape == old.shape else v for k, v in state.items()}


class _Matrix:
    """The support of an (out, in) matrix in compressed rows, and of its transpose."""

    def __init__(self, mask: Tensor) -> None:
        self.shape = mask.shape
        row, column = mask.nonzero(as_tuple=True)
        self.rows, self.columns = _pointers(row, mask.shape[0]), column.int()
        self.order = torch.argsort(column, stable=True)
        self.rows_t, self.columns_t = _pointers(column, mask.shape[1]), row[self.order].int()
        self.transposed: Tensor | None = None

    def filled(self, values: Tensor) -> Tensor:
        return torch.sparse_csr_tensor(self.rows, self.columns, values, self.shape, check_invariants=False)

    def filled_transpose(self, values: Tensor) -> Tensor:
        """The transpose, kept until `forget` is called."""
        if self.transposed is None:
            ordered, shape = values.detach()[self.order], (self.shape[1], self.shape[0])
            self.transposed = torch.sparse_csr_tensor(
                self.rows_t, self.columns_t, ordered, shape, check_invariants=False
            )
        return self.transposed

    def forget(self, *_: Any) -> None:
        """To be called whenever the values have changed; a fused optimiser does not tell autograd."""
        self.transposed = None


def _pointers(index: Tensor, size: int) -> Tensor:
    """Where each row of compressed rows starts, from the sorted or unsorted row of every entry."""
    counts = torch.bincount(index, minlength=size)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)]).int()


class _SparseProduct(torch.autograd.Function):
    """x Wᵀ for x (N, in); its gradient is taken at the entries of W's support only."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, values: Tensor, matrix: _Matrix) -> Tensor:
        ctx.save_for_backward(x, values)
        ctx.matrix = matrix
        return (matrix.filled(values) @ x.T).T

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, values = ctx.saved_tensors
        to_x = to_values = None
        if ctx.needs_input_grad[0]:
            to_x = (ctx.matrix.filled_transpose(values) @ gradient.T).T
        if ctx.needs_input_grad[1]:
            pattern = ctx.matrix.filled(torch.zeros_like(values))
            to_values = torch.sparse.sampled_addmm(pattern, gradient.T, x, beta=0.0).values()
        return to_x, to_values, None
