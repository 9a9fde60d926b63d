"""Training many models of the same shape as one.

A step of a small network is mostly the cost of calling operations. Stacked along a new first axis, R models share every
call: their layers multiply by batches of matrices, and all else is elementwise.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from dashprune.models.base import VectorField
from dashprune.models.parametrizations import FixedMask, HardConcrete, PositivePart, Threshold, mask_of
from dashprune.pruners.base import Pruner
from dashprune.solvers.base import Solver
from dashprune.training.batches import Batch, mean_square, predicted

STACKABLE = (FixedMask, PositivePart, Threshold, HardConcrete)
"""Parametrizations that take (R, out, in) weights of R models, with values of their own for each."""


def shape_of(model: VectorField) -> object:
    """Equal for models that can be stacked, in modules, options, shapes and what they took from the data; else None."""
    modules = []
    for name, module in model.named_modules():
        changes_tensors = name.split(".")[-3:-2] == ["parametrizations"]
        if changes_tensors and not isinstance(module, STACKABLE):
            return None
        options = {key: value for key, value in vars(module).items() if isinstance(value, bool | int | float | str)}
        modules.append((name, parametrize.type_before_parametrizations(module), {**options, "training": True}))
    tensors = [(name, tensor.shape, tensor.device) for name, tensor in model.state_dict().items()]
    return modules, tensors, model.taken()


class Ensemble:
    """R models and their Adam optimisers, stacked; the originals learn what was learned with `write_back`.

    Every model keeps its own weights, masks, moments and learning rates. Masked weights are 0 here and stay so.

    Args:
        models: R models of the same `shape_of`.
        optimizers: of each model; all with the same number of steps behind them.
        pruners: of each model; all of the same `Pruner.kind`.
    """

    def __init__(
        self, models: Sequence[VectorField], optimizers: Sequence[torch.optim.Optimizer], pruners: Sequence[Pruner]
    ) -> None:
        self.pruner = pruners[0].stacked(pruners, next(models[0].parameters()).device)
        self.model = _with_plain_layers(models[0])
        layers = zip(self.model.layers(), *(model.layers() for model in models), strict=True)
        self.products = [_Products(layer, twins) for layer, *twins in layers]
        own = [dict(model.named_parameters()) for model in models]
        parameters = [_placed(self.model, name, [each[name] for each in own]) for name in own[0]]
        for product in self.products:
            product.cut()
        masks = {product.layer.weight: product.mask for product in self.products if product.mask is not None}
        self.adams = _Adams(optimizers, parameters, masks)

    def step(self, batch: Batch, solver: Solver) -> Tensor:
        """One optimiser step of every model on its own batch.

        Args:
            batch: of each model, stacked.
            solver: with fixed steps.

        Returns:
            (R,) objectives before the step.
        """
        self.model.train()
        with parametrize.cached():
            losses = mean_square(predicted(self.model, batch, solver), batch)
            losses = self.pruner.objective(self.model, losses)
            self.model.zero_grad()
            losses.sum().backward(retain_graph=any(product.changed for product in self.products))
            for product in self.products:
                product.backward()
        self.adams.step()
        return losses.detach()

    @torch.no_grad()
    def errors(self, batch: Batch, solver: Solver) -> Tensor:
        """(R,) mean squared errors; arguments as for `step`."""
        self.model.eval()
        with parametrize.cached():
            return mean_square(predicted(self.model, batch, solver), batch)

    def write_back(self) -> None:
        """Give every model its weights and what it counts, and every optimiser its moments."""
        self.adams.write_back()
        for product in self.products:
            product.write_back()


class _Parameter(NamedTuple):
    """A parameter of R models.

    Attributes:
        stacked: (R, ...), of the stacked model.
        twins: the same parameter in each of the models.
    """

    stacked: nn.Parameter
    twins: Sequence[nn.Parameter]


class _Adams:
    """R Adam optimisers as one.

    It updates a displacement of every parameter at learning rate 1, which is then scaled by each model's own rate.

    Args:
        optimizers: of each model.
        parameters: all that they learn.
        masks: of stacked weights that have one; without moments and gradients, masked weights do not move.
    """

    def __init__(
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        parameters: Sequence[_Parameter],
        masks: Mapping[Tensor, Tensor],
    ) -> None:
        self.optimizers, self.parameters = optimizers, parameters
        self.moves = [nn.Parameter(torch.zeros_like(parameter.stacked)) for parameter in parameters]
        self.adam = torch.optim.Adam(self.moves, lr=1.0, fused=True)
        self.rates = [_stacked_rates(optimizers, parameter) for parameter in parameters]
        for move, (stacked, twins) in zip(self.moves, parameters, strict=True):
            states = [optimizer.state.get(twin, {}) for optimizer, twin in zip(optimizers, twins, strict=True)]
            self.adam.state[move] = _stacked_state(states, masks.get(stacked))

    @torch.no_grad()
    def step(self) -> None:
        """Move all stacked parameters, by their gradients."""
        for move, parameter in zip(self.moves, self.parameters, strict=True):
            move.grad = parameter.stacked.grad
        self.adam.step()
        for move, rates, parameter in zip(self.moves, self.rates, self.parameters, strict=True):
            parameter.stacked.addcmul_(move, rates)
            move.zero_()

    @torch.no_grad()
    def write_back(self) -> None:
        """Give the models' own parameters their values, and the optimisers of the models their moments."""
        for move, parameter in zip(self.moves, self.parameters, strict=True):
            state = self.adam.state[move]
            for number, (twin, optimizer) in enumerate(zip(parameter.twins, self.optimizers, strict=True)):
                twin.copy_(parameter.stacked[number].view_as(twin))
                optimizer.state[twin] = {
                    key: value.clone() if key == "step" else value[number].reshape(twin.shape).clone()
                    for key, value in state.items()
                }


def _stacked_state(states: Sequence[Mapping[str, Tensor]], mask: Tensor | None) -> dict[str, Tensor]:
    """Adam's state of a stacked parameter from those of the models: the number of steps, one for all, and moments."""
    if not states[0]:
        return {}
    moments = {key: _stack([state[key] for state in states]) for key in states[0] if key != "step"}
    if mask is not None:
        moments = {key: moment * mask for key, moment in moments.items()}
    return {"step": states[0]["step"].clone(), **moments}


def _stacked_rates(optimizers: Sequence[torch.optim.Optimizer], parameter: _Parameter) -> Tensor:
    """(R, 1, 1), the learning rate that each model's optimiser has for the parameter."""
    pairs = zip(optimizers, parameter.twins, strict=True)
    return parameter.stacked.new_tensor([_rate(optimizer, twin) for optimizer, twin in pairs]).view(-1, 1, 1)


def _rate(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> float:
    """The learning rate of the group that the parameter is in."""
    return next(group["lr"] for group in optimizer.param_groups if any(own is parameter for own in group["params"]))


def steps_behind(optimizer: torch.optim.Optimizer) -> int:
    """Steps that the optimiser has made since its moments were last forgotten."""
    return max((int(state["step"]) for state in optimizer.state.values()), default=0)


def _stack(tensors: Sequence[Tensor]) -> Tensor:
    """(R, ...), vectors as (R, 1, size) so that they broadcast against (R, N, size)."""
    stacked = torch.stack(list(tensors))
    return stacked[:, None] if stacked.dim() == 2 else stacked


def _parametrizations(layer: nn.Linear) -> list[nn.Module]:
    """What the layer's weight goes through, in order."""
    changed = parametrize.is_parametrized(layer, "weight")
    return list(layer.get_submodule("parametrizations.weight").children()) if changed else []


def _with_plain_layers(model: VectorField) -> VectorField:
    """A copy of a model, whose layers have weights without parametrizations, of no matter which values."""
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    plain = {id(one): nn.Linear(one.in_features, one.out_features, one.bias is not None) for one in linear}
    return copy.deepcopy(model, dict(plain))


def _placed(model: VectorField, name: str, twins: Sequence[nn.Parameter]) -> _Parameter:
    """Stack the parameter `name` of R models, and put it in its place in `model`, whose layers may have no masks."""
    module, _, own = name.rpartition(".")
    layer, inner, _ = module.partition(".parametrizations.weight")
    if inner and not parametrize.is_parametrized(model.get_submodule(layer), "weight"):
        module, own = layer, "weight"
    stacked = nn.Parameter(_stack([twin.detach() for twin in twins]))
    model.get_submodule(module)._parameters[own] = stacked
    return _Parameter(stacked, twins)


def _stacked_parametrization(twins: Sequence[nn.Module]) -> nn.Module:
    """One that takes weights of R models, with the buffers and random numbers of each; parameters are placed later."""
    one = copy.copy(twins[0])
    one._parameters = dict(one._parameters)
    own = [dict(twin.named_buffers(recurse=False)) for twin in twins]
    one._buffers = {**one._buffers, **{name: torch.stack([each[name] for each in own]) for name in own[0]}}
    if isinstance(one, HardConcrete):
        one.generators = [
            generator for twin in twins if isinstance(twin, HardConcrete) for generator in twin.generators
        ]
    return one


class _Products:
    """A stacked linear layer, whose weights get their gradient from all calls of a step at once.

    Solvers that ask the model for its Stages do not call it; its weight has their gradient already.

    Autograd would add up one (R, out, in) gradient per stage of the solver, which costs more than the products do.

    A fixed mask is applied once: masked weights are 0 and have no gradient. Other parametrizations, such as gates, are
    stacked, and apply at every step.

    Attributes:
        mask: (R, out, in) of the weight, or None.
        changed: whether the weight has other parametrizations than that.

    Args:
        layer: of the stacked model, without parametrization.
        twins: the same layer in each of the models.
    """

    def __init__(self, layer: nn.Linear, twins: Sequence[nn.Linear]) -> None:
        self.layer, self.twins = layer, twins
        kinds = [type(one) for one in _parametrizations(twins[0])]
        self.changed = bool(kinds) and kinds != [FixedMask]
        self.mask = torch.stack([mask_of(twin) for twin in twins]) if kinds == [FixedMask] else None
        for own in zip(*map(_parametrizations, twins), strict=True) if self.changed else ():
            parametrize.register_parametrization(layer, "weight", _stacked_parametrization(own), unsafe=True)
        self.calls: list[tuple[Tensor, Tensor]] = []
        self.anchor = torch.zeros((), device=next(twins[0].parameters()).device, requires_grad=True)
        layer.forward = self.forward  # type: ignore[method-assign,assignment]

    @torch.no_grad()
    def cut(self) -> None:
        """Set masked weights to 0."""
        if self.mask is not None:
            self.layer.weight.mul_(self.mask)

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.layer.bias is None else self.layer.bias.detach()
        return cast(Tensor, _Product.apply(x, self.layer.weight.detach(), bias, self.calls, self.anchor))

    @torch.no_grad()
    def backward(self) -> None:
        """To be called after the backward pass through the outputs, and through what else looks at the weight."""
        if self.calls:
            self._collect()
        if self.mask is not None and self.layer.weight.grad is not None:
            self.layer.weight.grad.mul_(self.mask)

    def _collect(self) -> None:
        inputs, gradients = self.calls[0]
        if len(self.calls) > 1:
            inputs, gradients = (torch.cat(column, dim=1) for column in zip(*self.calls, strict=True))
        self.calls.clear()
        gradient = torch.bmm(gradients.mT, inputs)
        if self.changed:
            torch.autograd.backward(self.layer.weight, gradient)
        else:
            self.layer.weight.grad = _sum(self.layer.weight.grad, gradient)
        if self.layer.bias is not None:
            self.layer.bias.grad = _sum(self.layer.bias.grad, gradients.sum(dim=1, keepdim=True))

    @torch.no_grad()
    def write_back(self) -> None:
        """Give the models' own parametrizations what those of the stacked model count."""
        if self.changed:
            for stacked, *own in zip(*map(_parametrizations, (self.layer, *self.twins)), strict=True):
                for name, values in stacked.named_buffers(recurse=False):
                    for twin, value in zip(own, values, strict=True):
                        twin.get_buffer(name).copy_(value)


def _sum(before: Tensor | None, gradient: Tensor) -> Tensor:
    """A gradient and what was there of it before."""
    return gradient if before is None else gradient.add_(before)


class _Product(torch.autograd.Function):
    """x Wᵀ + b for x (R, N, in); notes x and the gradient of the output in `calls`. The anchor makes it run."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, calls: list[tuple[Tensor, Tensor]], anchor: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.calls = calls
        return torch.bmm(x, weight.mT) if bias is None else torch.baddbmm(bias, x, weight.mT)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None, None, None]:
        x, weight = ctx.saved_tensors
        ctx.calls.append((x, gradient))
        return torch.bmm(gradient, weight) if ctx.needs_input_grad[0] else None, None, None, None, None
