"""SIM350: trajectories of a simulated yeast-like network, published or generated, with the exact truth.

The training file of the published network is not among the files at hand, so its trajectories are simulated. The
published files do not describe the network they were made from; `_published_network` mends them, as verified by
re-simulating the published test trajectories (largest error about 1e-6):

1. gene order: that of gene_names_350.csv without SIN3_input, with SIN3 at index 90;
2. Hill exponent: n = 1.01 + 0.69 (n_published - 1.39) / 0.41;
3. three genes get back the edges that the published equations lack and the published edge list has:
   SIN3 = REB1, FUR4 = and(GLN3, published), GAL1 = or(not UME6, published).
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.sparse import csr_array

from dashprune.data import holdout
from dashprune.data.base import Dataset
from dashprune.data.knockouts import Knockouts
from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior
from dashprune.data.published import readers
from dashprune.data.published.locate import upstream_file
from dashprune.data.simulator import Edge, Logic, Network, corrupt, generate, initial_states, join, signs, simulate
from dashprune.errors import DashpruneError, did_you_mean
from dashprune.seeds import numpy_generator

_STARTS = 5
"""States from which regulators are knocked out."""
_VERSION = "sim350-1"
"""Changes when the same settings would give other data."""
_PHOENIX = "QuackenbushLab+phoenix/ground_truth_simulator/clean_data"
_GENES = f"{_PHOENIX}/gene_names_350.csv"
_EDGES = f"{_PHOENIX}/edge_properties_G350.csv"
_EQUATIONS = f"{_PHOENIX}/ode_system_functions_350.csv"
_TEST = "QuackenbushLab+DASH/ground_truth_simulator/clean_data/simu_350genes_10samples_for_testing.csv"
_PRIORS = {fraction: f"{_PHOENIX}/edge_prior_matrix_G350_noise_{fraction / 2}.csv" for fraction in (0.0, 0.05, 0.1)}
"""Published prior by the fraction of moved edges; the files are named after half of it."""


@dataclass(frozen=True)
class Sim350(Dataset):
    """The SIM350 dataset.

    Attributes:
        network: "published" reads the published files and tests on the ten published trajectories; "generated" needs
            no files and draws a network like it.
        genes: genes of a generated network.
        inputs: constant genes of a generated network.
        edges: edges of a generated network.
        train: number of training trajectories.
        validation: number of validation trajectories; None for none.
        test: number of test trajectories of a generated network; None for none, of the published one, too.
        times: of the simulated trajectories, increasing.
        noise: sd of the normal noise added once to every training and validation value, unclipped (expression lies
            in [0, 1]). The test split stays clean.
        prior_noise: fraction of the prior's edges moved to random places. None means 2 * noise, at most 1, so that
            "5 % noise" is an sd of 0.025 and 5 % of the edges (METHODS 5). With the published network, 0, 0.05 and
            0.10 give the published priors.
        prior_holdout: fraction of the prior's edges, after that, that are taken out of it; None for none.
        prior_holdout_by: "edges" takes out single edges, "genes" all edges to a gene.
        seed: of network, starting values, split, noise and prior, each with a stream of its own.
        prior: "network", whose edges the prior has, as far as they are not moved; None for no prior.
    """

    network: Literal["generated", "published"]
    genes: Annotated[int, Field(ge=2)]
    inputs: Annotated[int, Field(ge=1)]
    edges: Annotated[int, Field(ge=1)]
    train: Annotated[int, Field(ge=1)]
    validation: Annotated[int, Field(ge=1)] | None
    test: Annotated[int, Field(ge=1)] | None
    times: tuple[float, ...]
    noise: Annotated[float, Field(ge=0)]
    prior_noise: Annotated[float, Field(ge=0, le=1)] | None
    prior_holdout: holdout.Fraction | None
    prior_holdout_by: holdout.By
    seed: Annotated[int, Field(ge=0)]
    prior: Literal["network"] | None = "network"

    def fingerprint(self) -> str:
        """Identity of the data beyond these settings: the simulator's version, and the published files' content."""
        if self.network == "generated":
            return _VERSION
        files = (_GENES, _EDGES, _EQUATIONS, _TEST, self._published_prior())
        return readers.fingerprint(_VERSION, [upstream_file(relative) for relative in files if relative is not None])

    def load(self) -> Problem:
        """Simulate (once per process and setting), then add noise to training and validation and corrupt the prior.

        Raises:
            DashpruneError: if a published file is missing or damaged, or no network of the given size exists.
        """
        network, fitted, test = self._clean()
        noise = numpy_generator(self.seed, "noise").standard_normal(fitted.shape)
        observed = (fitted + self.noise * noise).astype(np.float32)
        order = numpy_generator(self.seed, "split").permutation(len(observed))
        held_out = self.validation or 0
        prior = self._prior(network)
        return Problem(
            genes=network.genes,
            train=_split(observed[np.sort(order[held_out:])], self.times),
            validation=_split(observed[np.sort(order[:held_out])], self.times),
            test=test,
            prior=prior,
            coregulation=coregulation_from_prior(prior),
            truth=network.adjacency().astype(bool),
            # Scores are over all ordered pairs, the diagonal included, as published (METHODS 6): the truth is exact.
            evaluable=Pairs.every(len(network.genes)),
        )

    def knockouts(self) -> Knockouts:
        """Every regulator held at 0, from the first points of five trajectories (of the test split if there is one)."""
        return _knocked_out(self)

    def _clean(self) -> tuple[Network, np.ndarray, Split]:
        """Network, simulated trajectories of training and validation without noise, test split."""
        fitted, tested = self.train + (self.validation or 0), self.test or 0
        if self.network == "generated":
            network, clean = _simulate_generated(
                self.genes, self.inputs, self.edges, fitted + tested, self.times, self.seed
            )
            return network, clean[tested:], _split(clean[:tested].astype(np.float32), self.times)
        files = tuple(upstream_file(relative) for relative in (_GENES, _EDGES, _EQUATIONS, _TEST))
        network, test = _read_published(*files)
        clean = _simulate_published(*files, fitted, self.times, self.seed)
        return network, clean, test if tested else Split.none(len(network.genes))

    def _moved(self) -> float:
        """Fraction of prior edges to move."""
        return min(2 * self.noise, 1.0) if self.prior_noise is None else self.prior_noise

    def _published_prior(self) -> str | None:
        """The published file with this prior, if there is one."""
        if self.prior is None:
            return None
        return next((path for fraction, path in _PRIORS.items() if abs(fraction - self._moved()) < 1e-9), None)

    def _prior(self, network: Network) -> csr_array:
        """(genes, genes) sparse float32, sign kept."""
        if self.prior is None:
            return csr_array((len(network.genes), len(network.genes)), dtype=np.float32)
        published = self._published_prior()
        if self.network == "published" and published is not None:
            moved = readers.read_square(upstream_file(published), len(network.genes))
        else:
            moved = corrupt(network.adjacency(), self._moved(), numpy_generator(self.seed, "prior"))
        rng = numpy_generator(self.seed, "holdout")
        return holdout.hold_out(moved, self.prior_holdout, self.prior_holdout_by, rng)


def _split(expression: np.ndarray, times: Sequence[float]) -> Split:
    """All trajectories with the same times."""
    return Split(expression, np.tile(np.asarray(times, dtype=np.float64), (len(expression), 1)))


@lru_cache(maxsize=4)
def _simulate_generated(
    genes: int, inputs: int, edges: int, trajectories: int, times: tuple[float, ...], seed: int
) -> tuple[Network, np.ndarray]:
    """Generated network and (trajectories, times, genes) float64, read-only."""
    network = generate(numpy_generator(seed, "network"), genes, inputs, edges)
    initial = initial_states(numpy_generator(seed, "initial states"), network, trajectories)
    return network, _frozen(simulate(network, initial, times))


@lru_cache(maxsize=4)
def _simulate_published(
    genes: Path, edges: Path, equations: Path, test: Path, trajectories: int, times: tuple[float, ...], seed: int
) -> np.ndarray:
    """(trajectories, times, genes) float64, read-only, inputs spread as in the published test trajectories."""
    network, published = _read_published(genes, edges, equations, test)
    inputs = published.expression[:, 0, network.is_input].astype(np.float64)
    moments = (inputs.mean(axis=0), inputs.std(axis=0, ddof=1))
    initial = initial_states(numpy_generator(seed, "initial states"), network, trajectories, moments)
    return _frozen(simulate(network, initial, times))


@lru_cache(maxsize=2)
def _knocked_out(dataset: Sim350) -> Knockouts:
    """Simulated, regulator by regulator."""
    network, clean, test = dataset._clean()
    split = _split(clean.astype(np.float32), dataset.times) if test.empty else test
    states, time = split.expression[:_STARTS, 0], float(dataset.times[-1] - dataset.times[0])
    regulators = np.flatnonzero(np.diff(network.adjacency().indptr))
    gene, before = np.repeat(regulators, len(states)), np.tile(states, (len(regulators), 1))
    changed, held = before.astype(np.float64), np.zeros(before.shape, dtype=bool)
    held[np.arange(len(gene)), gene], changed[np.arange(len(gene)), gene] = True, 0.0
    after = simulate(network, changed, [0, time], held=held)[:, -1]
    plain = np.tile(simulate(network, states.astype(np.float64), [0, time])[:, -1], (len(regulators), 1))
    level = np.zeros(len(gene), dtype=np.float32)
    return Knockouts(gene, level, before, after.astype(np.float32), plain.astype(np.float32), time)


def _frozen(array: np.ndarray) -> np.ndarray:
    """`array`, made read-only since it is shared."""
    array.flags.writeable = False
    return array


# --- reading the published files -------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _read_published(genes: Path, edges: Path, equations: Path, test: Path) -> tuple[Network, Split]:
    """The network as it really is, and the ten published test trajectories."""
    network = _published_network(genes, edges, equations)
    split = readers.read_trajectories(test, len(network.genes))
    _frozen(split.expression)
    _frozen(split.times)
    return network, split


def _published_network(genes: Path, edges: Path, equations: Path) -> Network:
    """The published network with the three corrections of the module's docstring."""
    names = [name.removesuffix("_input") for name in readers.read_table(genes, ["x"])["x"] if name != "SIN3_input"]
    names.insert(90, "SIN3")
    logic = _read_equations(equations)
    missing = [gene for gene in ("FUR4", "GAL1") if gene not in logic]
    if missing:
        raise DashpruneError(f"{equations} has no equation of {missing[0]}; fetch the published file again")
    logic["SIN3"] = "REB1"
    logic["FUR4"] = join("and", "GLN3", logic["FUR4"])
    logic["GAL1"] = join("or", ("not", "UME6"), logic["GAL1"])
    network = Network(tuple(names), _read_edges(edges, names), {name: logic[name] for name in names if name in logic})
    _check_signs(network, edges, equations)
    return network


def _check_signs(network: Network, edges: Path, equations: Path) -> None:
    """Raise DashpruneError unless equations and edge list name the same regulators with the same signs."""
    listed = {(edge.source, edge.target): edge.sign for edge in network.edges}
    derived = {(source, gene): sign for gene, tree in network.logic.items() for source, sign in signs(tree)}
    for source, target in sorted(listed.keys() | derived.keys()):
        if listed.get((source, target)) != derived.get((source, target)):
            raise DashpruneError(
                f"{edges} and {equations} disagree on whether and how {source} regulates {target}; "
                f"fetch the published files again"
            )


def _read_edges(path: Path, genes: Sequence[str]) -> tuple[Edge, ...]:
    """The published edges with the corrected Hill exponent."""
    table = readers.read_table(path, ["from", "to", "activation", "EC50", "n"])
    known = set(genes)
    for row, pair in enumerate(zip(table["from"], table["to"], strict=True), start=2):
        for column, gene in zip(("from", "to"), pair, strict=True):
            if gene not in known:
                raise DashpruneError(
                    f"{path}: row {row}, column '{column}' names gene '{gene}', which is not in "
                    f"{Path(_GENES).name}{did_you_mean(gene, genes)}"
                )
    sign = np.where(table["activation"].str.upper() == "TRUE", 1, -1).tolist()
    ec50, published = _numbers(path, table, "EC50"), _numbers(path, table, "n")
    n = [1.01 + 0.69 * (value - 1.39) / 0.41 for value in published]
    return tuple(map(Edge, table["from"], table["to"], sign, ec50, n))


def _numbers(path: Path, table: pd.DataFrame, column: str) -> list[float]:
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise DashpruneError(
            f"{path}: row {bad[0] + 2}, column '{column}' is '{table[column].iloc[bad[0]]}'; it must be a number"
        )
    return [float(value) for value in values]


def _read_equations(path: Path) -> dict[str, Logic]:
    """Logic of every gene that is not an input, from R expressions in `fAct(regulator, EC50, n)`."""
    table = readers.read_table(path, ["node", "eqn"])
    logic: dict[str, Logic] = {}
    for row, (gene, equation) in enumerate(zip(table["node"], table["eqn"], strict=True), start=2):
        if equation == "input gene":
            continue
        try:
            logic[gene] = _rule_of(equation)
        except (SyntaxError, ValueError) as error:
            raise DashpruneError(
                f"{path}: row {row}, column 'eqn' is not a rule for {gene} ({error}); fetch the published file again"
            ) from None
    return logic


def _rule_of(equation: str) -> Logic:
    """Logic of "((rule) * 1 - 1 * gene) / 1".

    Raises:
        ValueError, SyntaxError: if it is something else.
    """
    match ast.parse(equation.strip(), mode="eval").body:
        case ast.BinOp(ast.BinOp(rule, ast.Sub(), _), ast.Div(), _):
            return _logic_of(rule)
    raise ValueError("it does not end in '- gene) / 1'")


def _logic_of(node: ast.expr) -> Logic:
    """Logic of an R expression: 1 - a is not(a), a * b is and(a, b), a + b - a * b is or(a, b)."""
    match node:
        case ast.Call(ast.Name("fAct"), [ast.Name(regulator), *_]):
            return regulator
        case ast.BinOp(ast.Constant(1), ast.Mult(), only) | ast.BinOp(only, ast.Mult(), ast.Constant(1)):
            return _logic_of(only)
        case ast.BinOp(ast.Constant(1), ast.Sub(), only):
            return ("not", _logic_of(only))
        case ast.BinOp(left, ast.Mult(), right):
            return join("and", _logic_of(left), _logic_of(right))
        case ast.BinOp(ast.BinOp(left, ast.Add(), right), ast.Sub(), both):
            a, b = _logic_of(left), _logic_of(right)
            if _logic_of(both) == join("and", a, b):
                return join("or", a, b)
    raise ValueError(f"cannot read '{ast.unparse(node)[:40]}'")
