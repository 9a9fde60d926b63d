"""Genes that are held or changed from outside, in a system of two genes that can be solved by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from dashprune.data.interventions import Interventions
from dashprune.models.base import Multiplied
from dashprune.models.intervened import Intervened
from dashprune.models.mlp import Mlp
from dashprune.models.phoenix import Phoenix
from dashprune.models.phoenix_edge import PhoenixEdge
from dashprune.solvers import etdrk4 as module
from dashprune.solvers.base import Solver
from dashprune.solvers.etdrk4 import Etdrk4, etdrk4
from dashprune.solvers.torchdiffeq import Torchdiffeq
from dashprune.training.batches import Batch, predicted
from tests.conftest import tensor

NAN = math.nan
SOLVERS = [
    Etdrk4(step=0.05), Torchdiffeq("rk4", step=0.02), Torchdiffeq("dopri5", rtol=1e-7, atol=1e-7),
    Torchdiffeq("dopri5", adjoint=True, rtol=1e-7, atol=1e-7),
]  # fmt: skip
IDS = ["etdrk4", "rk4", "dopri5", "adjoint"]


class Two(Multiplied):
    """dx0/dt = 1 - x0 and dx1/dt = 2 (x0 - x1): gene 0 settles at 1, and gene 1 follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.genes = 2
        self.edges = nn.Linear(2, 2)
        self.add_multipliers(1.0, recovery=True)
        with torch.no_grad():
            self.edges.weight.copy_(tensor([[0, 0], [1, 0]]))
            self.edges.bias.copy_(tensor([1, 0]))
            self.raw_multipliers.copy_(tensor([1, 2]))

    def drift(self, y: Tensor) -> Tensor:
        return self.edges(y)


def after(solver: Solver, dt: float, held: list[float], factor: list[float], addition: list[float]) -> list[float]:
    """Expression a time `dt` after (0.25, 0.75)."""
    done = Interventions(*(tensor([row]) for row in (held, factor, addition)))
    batch = Batch(tensor([[0.25, 0.75]]), tensor([[0, 0]]), tensor([dt]), done)
    with torch.no_grad():
        return predicted(Two(), batch, solver)[0].tolist()


@pytest.mark.parametrize("solver", SOLVERS, ids=IDS)
def test_a_gene_that_is_held_stays_and_others_see_it(solver: Solver) -> None:
    """Without gene 0, gene 1 decays at rate 2; with gene 0 at 3, it approaches 3. Gene 1 regulates nothing."""
    knockout = after(solver, 0.5, [0, NAN], [1, 1], [0, 0])
    assert knockout == pytest.approx([0, 0.75 * math.exp(-1)], abs=1e-5)
    raised = after(solver, 0.5, [3, NAN], [1, 1], [0, 0])
    assert raised == pytest.approx([3, 3 - 2.25 * math.exp(-1)], abs=1e-5)
    follower = after(solver, 0.5, [NAN, 0.1], [1, 1], [0, 0])
    assert follower == pytest.approx([1 - 0.75 * math.exp(-0.5), 0.1], abs=1e-5)


@pytest.mark.parametrize("solver", SOLVERS, ids=IDS)
def test_halved_production_approaches_half_and_an_input_is_added(solver: Solver) -> None:
    assert after(solver, 20.0, [NAN, NAN], [0.5, 1], [0, 0]) == pytest.approx([0.5, 0.5], abs=1e-4)
    assert after(solver, 20.0, [NAN, NAN], [1, 1], [0, 0.25]) == pytest.approx([1, 1.25], abs=1e-4)
    assert after(solver, 20.0, [NAN, NAN], [0.5, 1], [0.25, 0]) == pytest.approx([0.75, 0.75], abs=1e-4)
    start = after(solver, 1e-3, [NAN, NAN], [1, 1], [0, 0.25])  # the input is paced: 2 (0.25 - 0.75 + 0.25)
    assert (start[1] - 0.75) / 1e-3 == pytest.approx(-0.5, abs=1e-2)


@pytest.mark.parametrize("solver", SOLVERS, ids=IDS)
def test_a_steady_state_is_a_transition_to_itself(solver: Solver) -> None:
    """With gene 0 at half production both settle at 1/2, knocked out at 0; elsewhere they do not stay."""
    held, factor = tensor([[NAN, NAN], [0, NAN], [NAN, NAN]]), tensor([[0.5, 1], [1, 1], [1, 1]])
    done = Interventions(held, factor, torch.zeros(3, 2))
    states, dt = tensor([[0.5, 0.5], [0, 0], [0.5, 0.5]]), torch.full((3,), 3.0)
    with torch.no_grad():
        end = predicted(Two(), Batch(states, states, dt, done), solver)
    torch.testing.assert_close(end[:2], states[:2], rtol=0, atol=1e-5)
    assert end[2, 0].item() == pytest.approx(1 - 0.5 * math.exp(-3), abs=1e-4)


def test_nothing_done_is_the_model_itself() -> None:
    y = torch.rand(4, 2)
    field = Intervened(Two(), Interventions(torch.full((4, 2), NAN), torch.ones(4, 2), torch.zeros(4, 2)))
    assert torch.equal(field(torch.zeros(()), y), Two()(torch.zeros(()), y))
    assert torch.equal(field.begun(y), y)


@pytest.mark.parametrize(
    "model", [Phoenix(3, 2, "abs", 5.0, True), Mlp(3, [2], decay=True), PhoenixEdge(3, 5.0, True)],
    ids=["phoenix", "mlp", "phoenix_edge"],
)  # fmt: skip
def test_stages_give_what_autograd_gives(model: Phoenix | Mlp | PhoenixEdge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in parts, where each transition has to keep what is done in it."""
    generator = torch.Generator().manual_seed(1)
    model.double().reset_parameters(generator)
    held = torch.tensor([[NAN, 0.3, NAN], [NAN, NAN, 0]]).double()
    factor, addition = torch.tensor([[0.5, 1, 1], [1, 0.2, 1]]).double(), torch.tensor([[0, 0, 1], [1, 0, 0]]).double()
    field = Intervened(model, Interventions(held, factor, addition))
    start, dt = field.begun(torch.rand(2, 3, generator=generator).double()), torch.tensor([0.5, 1.5]).double()
    assert field.stages() is not None
    own = Etdrk4(0.5).predict(field, start, dt)
    by_autograd = etdrk4(field.production, field.decay_rate(), start, dt, 2)
    parameters = list(model.parameters())
    found, expected = ([end, *torch.autograd.grad(end.square().sum(), parameters)] for end in (own, by_autograd))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
    monkeypatch.setattr(module, "IN_CACHE", 1)
    with torch.no_grad():
        torch.testing.assert_close(Etdrk4(0.5).predict(field, start, dt), own, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("solver", [SOLVERS[0], SOLVERS[3]], ids=[IDS[0], IDS[3]])
@pytest.mark.parametrize(
    "model", [Phoenix(3, 2, "abs", 5.0, True), Mlp(3, [2], decay=True), Mlp(3, [2], decay=False)],
    ids=["phoenix", "mlp with decay", "mlp"],
)  # fmt: skip
def test_gradients_are_those_of_finite_differences(model: Phoenix | Mlp, solver: Solver) -> None:
    """Of the end of two transitions, by every parameter along a random direction."""
    generator = torch.Generator().manual_seed(1)
    model.double().reset_parameters(generator)
    held = torch.tensor([[NAN, 0.3, NAN], [NAN, NAN, 0]]).double()
    factor, addition = torch.tensor([[0.5, 1, 1], [1, 0.2, 1]]).double(), torch.tensor([[0, 0, 1], [1, 0, 0]]).double()
    start, dt = torch.rand(2, 3, generator=generator).double(), torch.tensor([0.5, 1.5]).double()
    batch = Batch(start, start, dt, Interventions(held, factor, addition))

    def total() -> Tensor:
        return predicted(model, batch, solver).square().sum()

    model.zero_grad()
    total().backward()
    parameters = list(model.parameters())
    directions = [torch.rand(parameter.shape, generator=generator).double() - 0.5 for parameter in parameters]
    expected = sum((p.grad * d).sum() for p, d in zip(parameters, directions, strict=True) if p.grad is not None)
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter += sign * 1e-4 * direction
            ends.append(total())
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter -= sign * 1e-4 * direction
    torch.testing.assert_close(torch.as_tensor(expected), (ends[0] - ends[1]) / 2e-4, rtol=1e-4, atol=1e-5)
