"""Pruning layers of any torch network with domain knowledge, in a training loop of one's own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch
from scipy.sparse import csr_array, issparse
from torch import Tensor, nn

from dashprune.data.problem import Problem
from dashprune.errors import DashpruneError, did_you_mean
from dashprune.models.base import VectorField
from dashprune.models.parametrizations import mask_of
from dashprune.pruners.base import Pruner
from dashprune.pruners.dash import Dash
from dashprune.pruners.imp import Imp
from dashprune.pruners.scheduled import Schedule
from dashprune.pruners.synflow import SynFlow

Strategy = Literal["dash", "bioprune", "imp", "synflow"]
Layer = nn.Linear | str


class Guide:
    """Layers of any network while they are pruned; masks are parametrizations of their weights.

        guide = dashprune.guide(net, [["hidden", "out"]], inputs=P, schedule=Schedule(3, 0.7, 5, 0.2, epochs=30))
        for epoch in range(1, 31):
            guide.update(epoch)
            ...  # train for an epoch
        guide.finalize()

    An optimiser that exists keeps working, as the parameters stay the same objects; weights that are cut have neither
    value nor gradient. Co-regulation and prior of the formulas of `Dash` are P and A here; see METHODS 3.11.

    Args:
        module: any network. A model of dashprune brings an importance of its own.
        chains: each way from inputs to outputs to be pruned: linear layers in the order of evaluation, or their names
            in `module`. What stands between them, such as activations, does not matter.
        inputs: P, (inputs, inputs) relations among the inputs of the first layers, non-negative and symmetric; an
            array, a tensor or a scipy sparse array. None: the first layers have no prior.
        outputs: A, (inputs, outputs) nonzero where an input is thought to act on an output, signs are not looked at.
            None: all later layers (and layers that are the only one of their chain) have no prior.
        schedule: when and how much to cut.
        strategy: "dash"; "bioprune", by the prior alone; "imp", by importance alone; or "synflow", before training.
        lambda_1: weight of the prior in first layers, 0 to 1; of `dash`.
        lambda_2: the same in later layers.
        normalize: whether the prior's terms are scaled like the importance; False for chains of two layers only.
        target_sparsity: of the weights in the end, in place of the schedule's; `synflow` needs it.
        seed: of the initial scores.
        importance: of the weights of a layer, (out, in) non-negative; None for their size.

    Raises:
        DashpruneError: if layers are unknown or do not follow each other, or the priors do not fit them.

    Attributes:
        module: the network.
        pruner: the strategy, whose `state_dict` holds scores; masks are in that of the network.
    """

    def __init__(
        self,
        module: nn.Module,
        chains: Sequence[Sequence[Layer]],
        *,
        inputs: Any = None,
        outputs: Any = None,
        schedule: Schedule,
        strategy: Strategy = "dash",
        lambda_1: float = 0.75,
        lambda_2: float = 0.75,
        normalize: bool = True,
        target_sparsity: float | None = None,
        seed: int = 0,
        importance: Callable[[nn.Linear], Tensor] | None = None,
    ) -> None:
        self.module, self._network = module, _network(module, chains, importance)
        found = self._network.chains()
        priors = _priors(found, inputs, outputs)
        first, later = (1.0, 1.0) if strategy == "bioprune" else (lambda_1, lambda_2)
        first = first if priors.coregulation.nnz or any(len(chain) == 1 for chain in found) else 0.0
        options = first, later if priors.prior.nnz else 0.0, normalize
        self.pruner = _pruner(strategy, schedule, target_sparsity, seed, options)
        if isinstance(self.pruner, Dash):
            _check_priors(strategy, found, priors, self.pruner)
        with torch.no_grad():
            self.pruner.attach(self._network, cast(Problem, priors))

    def update(self, epoch: int) -> bool:
        """Cut, if the schedule says so; to be called before each epoch, counted from 1. True if anything was cut."""
        return self.pruner.update(self._network, epoch)

    def masks(self) -> list[Tensor]:
        """(out, in) zeros and ones of each layer, chain by chain."""
        return [mask_of(layer) for layer in self._network.layers()]

    @property
    def sparsity(self) -> float:
        """Fraction of the weights of all layers that are cut."""
        masks = self.masks()
        return 1 - sum(float(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)

    def finalize(self) -> None:
        """Write the zeros into the weights and take the masks away; the network is a plain one again."""
        training = self.module.training
        self.pruner.finalize(self._network)
        self.module.train(training)

    def state_dict(self) -> dict[str, Any]:
        """What goes on pruning from here, beside the network's own `state_dict`."""
        return self.pruner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave, in a guide made with the same arguments."""
        self.pruner.load_state_dict(state)


class _Network(VectorField):
    """What pruners see of a network: its chains and an importance."""

    def __init__(
        self,
        module: nn.Module,
        chains: Sequence[Sequence[Layer]],
        importance: Callable[[nn.Linear], Tensor] | None,
    ) -> None:
        super().__init__()
        self.module, self._importance = module, importance
        self._chains = [[_layer(module, one) for one in chain] for chain in chains]

    def chains(self) -> list[list[nn.Linear]]:
        return self._chains

    def importance(self, layer: nn.Linear) -> Tensor:
        return super().importance(layer) if self._importance is None else self._importance(layer)


class _Dash(Dash):
    """With priors that `guide` has looked at."""

    def _check_prior(self, problem: Problem) -> None:
        pass


class _Priors(NamedTuple):
    """As a Problem has them, but the prior need not be square."""

    coregulation: csr_array
    prior: csr_array


def _network(
    module: nn.Module, chains: Sequence[Sequence[Layer]], importance: Callable[[nn.Linear], Tensor] | None
) -> VectorField:
    """A model of dashprune as it is, whose importance is its own; of any other network what pruners see of it."""
    seen = _Network(module, chains, importance)
    if not isinstance(module, VectorField) or importance is not None:
        return seen
    own, given = ([list(map(id, chain)) for chain in one.chains()] for one in (module, seen))
    if own != given:
        raise DashpruneError("guide: of a model of dashprune, chains are model.chains()")
    return module


def _layer(module: nn.Module, layer: Layer) -> nn.Linear:
    """A linear layer of the module, by itself or by its name."""
    names = {name: one for name, one in module.named_modules() if isinstance(one, nn.Linear)}
    if isinstance(layer, str):
        if layer not in names:
            hint = did_you_mean(layer, names)
            raise DashpruneError(f"guide: there is no linear layer '{layer}'{hint}; there are {', '.join(names)}")
        return names[layer]
    if not any(layer is one for one in names.values()):
        raise DashpruneError(f"guide: {layer} is no linear layer of the module; linear layers are {', '.join(names)}")
    return layer


def _priors(chains: Sequence[Sequence[nn.Linear]], inputs: Any, outputs: Any) -> _Priors:
    """Both priors, zeros for one that is absent, where every chain fits them."""
    if not chains or not all(chains):
        raise DashpruneError("guide: give at least one chain, and in each at least one layer")
    for chain in chains:
        for one, other in itertools.pairwise(chain):
            if one.out_features != other.in_features:
                raise DashpruneError(
                    f"guide: a layer of {one.out_features} outputs cannot go before one of {other.in_features} inputs"
                )
    ends = {(chain[0].in_features, chain[-1].out_features) for chain in chains}
    if len(ends) > 1:
        raise DashpruneError("guide: all chains must go from the same number of inputs to the same number of outputs")
    ((size, targets),) = ends
    found = _Priors(_matrix("inputs", inputs, (size, size)), _matrix("outputs", outputs, (size, targets)))
    if (found.coregulation != found.coregulation.T).nnz or (found.coregulation.data < 0).any():
        raise DashpruneError("guide: inputs must be symmetric and non-negative: how much two inputs have in common")
    total = found.coregulation.sum()
    return found._replace(coregulation=found.coregulation / total if total else found.coregulation)


def _matrix(name: str, given: Any, shape: tuple[int, int]) -> csr_array:
    """A prior as a sparse float32 array of this shape."""
    if given is None:
        return csr_array(shape, dtype=np.float32)
    values = given.detach().cpu().numpy() if isinstance(given, Tensor) else given
    found = csr_array(values if issparse(values) else np.asarray(values), dtype=np.float32)
    if found.shape != shape:
        raise DashpruneError(f"guide: {name} has the shape {found.shape}, but the layers need {shape}")
    if not np.isfinite(found.data).all():
        raise DashpruneError(f"guide: {name} has values that are not finite")
    found.eliminate_zeros()
    return found


def _pruner(
    strategy: str, schedule: Schedule, target: float | None, seed: int, options: tuple[float, float, bool]
) -> Pruner:
    if strategy == "imp":
        return Imp(schedule, target)
    if strategy == "synflow":
        if target is None:
            raise DashpruneError("guide: strategy='synflow' needs target_sparsity, since it cuts only once")
        return SynFlow(target, 100, seed)
    if strategy in ("dash", "bioprune"):
        return _Dash(*options, schedule, target, seed)
    known = ("dash", "bioprune", "imp", "synflow")
    raise DashpruneError(f"guide: there is no strategy '{strategy}'{did_you_mean(strategy, known)}; {', '.join(known)}")


def _check_priors(strategy: str, chains: Sequence[Sequence[nn.Linear]], priors: _Priors, pruner: Dash) -> None:
    if not priors.coregulation.nnz and not priors.prior.nnz:
        raise DashpruneError(f"guide: strategy='{strategy}' needs inputs or outputs; without a prior, use 'imp'")
    for name, value in (("lambda_1", pruner.lambda_1), ("lambda_2", pruner.lambda_2)):
        if not 0 <= value <= 1:
            raise DashpruneError(f"guide: {name}={value:g} is not between 0 and 1")
    if not pruner.normalize and any(len(chain) > 2 for chain in chains):
        raise DashpruneError("guide: normalize=False, the published form, is defined for chains of two layers")


guide = Guide
"""As it is called: `dashprune.guide(module, ...)`."""
