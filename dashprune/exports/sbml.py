"""A model as SBML, which COPASI, tellurium and other simulators of systems biology read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dashprune import files
from dashprune.errors import DashpruneError
from dashprune.exports.network import Network
from dashprune.models.phoenix import Phoenix
from dashprune.models.phoenix_edge import PhoenixEdge

if TYPE_CHECKING:
    import libsbml


def sbml(network: Network, path: Path) -> None:
    """Write `document(network)`, a PHOENIX or phoenix_edge model, as SBML level 3 version 2.

    Raises:
        DashpruneError: if it is another model, whose equations SBML is not written for.
    """
    import libsbml

    files.write(path, libsbml.writeSBMLToString(document(network)))


def document(network: Network) -> libsbml.SBMLDocument:
    """The equations of the field, starting from the first measured point that is tested on, or else trained on.

    A species `g<k>` for each gene, with its name; `s<k>` and `l<k>` are its saturated value and the logarithm of one
    more. All values and time are in the units of the data.
    """
    import libsbml

    model, problem = network.model, network.problem
    split = problem.train if problem.test.empty else problem.test
    found = libsbml.SBMLDocument(3, 2)
    own = found.createModel()
    own.setId("dashprune")
    own.setName(network.name)
    _compartment(own)
    for number, (gene, value) in enumerate(zip(problem.genes, split.expression[0, 0], strict=True)):
        species = own.createSpecies()
        species.setId(f"g{number}")
        species.setName(gene)
        species.setCompartment("cell")
        species.setInitialConcentration(float(value))
        species.setConstant(False)
        species.setBoundaryCondition(True)  # which rate rules ask for
        species.setHasOnlySubstanceUnits(False)
    if isinstance(model, Phoenix):
        drift = _phoenix(own, model)
    elif isinstance(model, PhoenixEdge):
        drift = _phoenix_edge(own, model)
    else:
        raise DashpruneError("--to sbml is for phoenix and phoenix_edge models; other formats take every model")
    for number, (rate, production) in enumerate(zip(_numbers(model.multipliers), drift, strict=True)):
        _rule(own.createRateRule(), f"g{number}", f"{rate} * ({production} - g{number})")
    return found


def _compartment(model: libsbml.Model) -> None:
    cell = model.createCompartment()
    cell.setId("cell")
    cell.setConstant(True)
    cell.setSize(1.0)
    cell.setSpatialDimensions(3)


def _phoenix(own: libsbml.Model, model: Phoenix) -> list[str]:
    """The drift of each gene; hidden units are parameters `u<k>` and `p<k>` with rules."""
    used = np.flatnonzero((model.sums.weight.abs() + model.products.weight.abs()).sum(dim=0).detach().numpy())
    _signals(own, {number: f"g{number}" for number in used.tolist()})
    for number, terms in enumerate(_sums(model.sums.weight, model.sums.bias, "s")):
        _assign(own, f"u{number}", terms)
    for number, terms in enumerate(_sums(model.products.weight, model.products.bias, "l")):
        _assign(own, f"p{number}", f"exp({terms})")
    first, second = _sums(model.sums_out.weight, None, "u"), _sums(model.products_out.weight, None, "p")
    return [f"({one} + {other})" for one, other in zip(first, second, strict=True)]


def _phoenix_edge(own: libsbml.Model, model: PhoenixEdge) -> list[str]:
    """The drift of each gene; regulators are numbered as the model does, by expression or by activity `a<k>`."""
    chosen = range(model.genes) if model.regulators is None else model.regulators.tolist()
    inputs = {number: f"g{gene}" for number, gene in enumerate(chosen)}
    if model.reading is not None and model.constant is not None and model.active is not None:
        for number, terms in zip(model.active.tolist(), _sums(model.reading, model.constant, "g"), strict=True):
            _assign(own, f"a{number}", terms)
            inputs[number] = f"a{number}"
    used = np.flatnonzero((model.sums.weight.abs() + model.products.weight.abs()).sum(dim=0).detach().numpy())
    _signals(own, {number: inputs[number] for number in used.tolist()})
    sums = _sums(model.sums.weight, model.sums.bias, "s")
    products = _sums(model.products.weight, model.products.bias, "l")
    pairs = zip(sums, _numbers(model.amplitudes), products, strict=True)
    return [f"({one} + {amplitude} * exp({other}))" for one, amplitude, other in pairs]


def _signals(own: libsbml.Model, inputs: dict[int, str]) -> None:
    """s = (x - ½) / (1 + |x - ½|) and ℓ = log(1 + s) of each input."""
    for number, name in inputs.items():
        _assign(own, f"s{number}", f"({name} - 0.5) / (1 + abs({name} - 0.5))")
        _assign(own, f"l{number}", f"ln(1 + s{number})")


def _assign(own: libsbml.Model, name: str, formula: str) -> None:
    parameter = own.createParameter()
    parameter.setId(name)
    parameter.setConstant(False)
    _rule(own.createAssignmentRule(), name, formula)


def _rule(rule: libsbml.Rule, name: str, formula: str) -> None:
    import libsbml

    rule.setVariable(name)
    tree = libsbml.parseL3Formula(formula)
    assert tree is not None, libsbml.getLastParseL3Error()
    rule.setMath(tree)


def _sums(weight: Tensor, bias: Tensor | None, name: str) -> Iterable[str]:
    """For each row the sum of its weights times `name` of their columns, without those that are 0, and the bias."""
    rows = weight.detach().numpy()
    constants = np.zeros(len(rows)) if bias is None else bias.detach().numpy()
    for row, constant in zip(rows, constants, strict=True):
        terms = [f"{_number(row[k])} * {name}{k}" for k in np.flatnonzero(row)]
        yield " + ".join([_number(constant), *terms])


def _numbers(values: Tensor) -> Sequence[str]:
    return [_number(value) for value in torch.atleast_1d(values.detach()).numpy()]


def _number(value: float) -> str:
    """As SBML's formulas read it, to the last digit; with brackets, as it may be negative."""
    return f"({float(value)!r})"
