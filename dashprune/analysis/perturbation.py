"""Influence of genes by perturbation, as PHOENIX scores it: what becomes of all others when one is changed.

From a measured state the value of gene i alone is raised by its standard deviation, and the model is solved from both
states. The influence of i is the mean absolute difference of the other genes, over these, points of time and states. It
is in units of expression, so genes that change fast or vary much count for more, unlike in a share of regulation
(dashprune.analysis.pathways); and a gene that acts through others has its share of what these do.

Source: Hossain et al. (PHOENIX), Genome Biology 25:127 (2024), where the change is drawn at random.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dashprune.data.problem import Problem, Split
from dashprune.errors import DashpruneError
from dashprune.models.base import VectorField
from dashprune.solvers.base import Solver

STATES = 3
"""Measured states from which it goes, spread over the time that was measured."""
POINTS = 2
"""Points of time at which expression is compared: half of the time that was measured, and all of it."""
_BLOCK = 2**23
"""Most values of expression that are solved for together."""


@torch.no_grad()
def perturbation_influence(model: VectorField, solver: Solver, problem: Problem) -> np.ndarray:
    """Influence of each gene on the others; see above.

    Args:
        model: the field.
        solver: of its ODE.
        problem: whose training data give the states, the size of each change, and how long it is followed.

    Returns:
        (genes,) float64, non-negative, in units of expression. A gene that is constant in the data has 0.

    Raises:
        DashpruneError: if the solution diverges.
    """
    states, sizes, duration = (torch.as_tensor(part) for part in _measured(problem.train))
    model.eval()
    total = torch.zeros(len(sizes), dtype=torch.float64)
    for state in states:
        plain = _followed(model, solver, state[None], duration)
        for chosen in torch.arange(len(sizes)).split(max(_BLOCK // len(sizes), 1)):
            changed = state.repeat(len(chosen), 1)
            changed[torch.arange(len(chosen)), chosen] += sizes[chosen]
            for point, expected in zip(_followed(model, solver, changed, duration), plain, strict=True):
                difference = (point - expected).abs_()
                difference[torch.arange(len(chosen)), chosen] = 0
                total[chosen] += difference.sum(dim=1).double()
    found = (total / (len(states) * POINTS * max(len(sizes) - 1, 1))).numpy()
    if not np.isfinite(found).all():
        raise DashpruneError("influence by perturbation: the solution diverges; use the share of regulation")
    return found


def _followed(model: VectorField, solver: Solver, state: Tensor, duration: Tensor) -> list[Tensor]:
    """(N, genes) expression at each point of time, from (N, genes)."""
    points = []
    for _ in range(POINTS):
        state = solver.predict(model, state, (duration / POINTS).expand(len(state)))
        points.append(state)
    return points


def _measured(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(states, genes) measured states from first to last, (genes,) standard deviations, and the time spanned."""
    known = ~np.isnan(split.times)
    times, expression = split.times[known], split.expression[known]
    order = np.argsort(times, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, STATES).round().astype(int)]
    kind = expression.dtype
    return expression[chosen], expression.std(axis=0).astype(kind), np.asarray(times.max() - times.min(), dtype=kind)
