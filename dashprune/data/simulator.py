"""Gene-network simulator behind SIM350: logic over Hill functions, random networks, corrupted priors.

A regulated gene g follows dx_g/dt = F_g(x) - x_g, an input gene dx/dt = 0. F_g combines its regulators with

    not(a) = 1 - a,    and(a, b) = a b,    or(a, b) = a + b - a b,

and the leaf of regulator R is B x^n / (K + x^n) with x = |x_R|, B = (EC50^n - 1) / (2 EC50^n - 1), K = B - 1, which
is 0 at x = 0, 1/2 at x = EC50 and 1 at x = 1 (normalised Hill function). Expression and time have no unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from scipy.sparse import csr_array
from torchdiffeq import odeint

from dashprune.data.sparse import sparse
from dashprune.errors import DashpruneError

Logic = str | tuple[Any, ...]
"""A regulator's name, ("not", logic), or ("and" | "or", logic, logic, ...)."""


class Edge(NamedTuple):
    """`source` regulates `target`, raising (sign +1) or lowering (sign -1) it; `ec50` in (0, 1), `n` > 0."""

    source: str
    target: str
    sign: int
    ec50: float
    n: float


@dataclass(frozen=True)
class Network:
    """A gene-regulatory network.

    Attributes:
        genes: names, in the order of every gene axis.
        edges: all regulations, at most one per ordered pair.
        logic: how its regulators combine, per regulated gene; a gene without an entry is an input and stays constant.
            Each regulator occurs once, under an odd number of "not" exactly if its edge has sign -1.
    """

    genes: tuple[str, ...]
    edges: tuple[Edge, ...]
    logic: Mapping[str, Logic]

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each gene in `genes`."""
        return {gene: k for k, gene in enumerate(self.genes)}

    @property
    def is_input(self) -> np.ndarray:
        """(genes,) bool, the genes that stay constant."""
        return np.array([gene not in self.logic for gene in self.genes])

    def adjacency(self) -> csr_array:
        """(genes, genes) sparse float32 of edge signs, row regulates column."""
        sources = [self.index[edge.source] for edge in self.edges]
        targets = [self.index[edge.target] for edge in self.edges]
        signs = [edge.sign for edge in self.edges]
        return sparse(csr_array((signs, (sources, targets)), shape=(len(self.genes),) * 2), np.float32)


def join(operator: str, *operands: Logic) -> Logic:
    """`operands` under "and" or "or"; those that start with the same operator are merged into it."""
    flat: list[Logic] = []
    for operand in operands:
        flat.extend(operand[1:] if isinstance(operand, tuple) and operand[0] == operator else (operand,))
    return flat[0] if len(flat) == 1 else (operator, *flat)


def signs(logic: Logic, sign: int = 1) -> Iterator[tuple[str, int]]:
    """(regulator, sign) of every leaf: -1 under an odd number of "not", else +1."""
    if isinstance(logic, str):
        yield logic, sign
        return
    for operand in logic[1:]:
        yield from signs(operand, -sign if logic[0] == "not" else sign)


# --- simulation ------------------------------------------------------------------------------------------------------


class _Ref(NamedTuple):
    """The value in a slot, or 1 minus it."""

    slot: int
    complement: bool


class _Gate(NamedTuple):
    """The product of two references."""

    level: int
    left: _Ref
    right: _Ref


class _Select:
    """Picks rows of the value table, each as it is or as 1 minus it."""

    def __init__(self, refs: Sequence[_Ref]) -> None:
        self.slot = torch.tensor([ref.slot for ref in refs])
        self.offset = torch.tensor([[float(ref.complement)] for ref in refs], dtype=torch.float64)
        self.slope = 1 - 2 * self.offset

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(self.offset, self.slope, values[self.slot])


class _Compiler:
    """Flattens logic into gates with two inputs. Slots 0 .. edges-1 hold the leaves, later ones the gates."""

    def __init__(self, network: Network) -> None:
        self.leaf = {(edge.source, edge.target): k for k, edge in enumerate(network.edges)}
        self.gates: list[_Gate] = []
        roots = [self.place(tree, target) for target, tree in network.logic.items()]
        order = sorted(range(len(self.gates)), key=lambda k: self.gates[k].level)
        self.slot = [*range(len(self.leaf)), *(len(self.leaf) + k for k in np.argsort(order).tolist())]
        self.gates = [self.gates[k] for k in order]
        self.roots = [self.moved(ref) for ref in roots]

    def place(self, tree: Logic, target: str) -> _Ref:
        """Where the value of `tree` will stand; or(a, b) is placed as not(and(not a, not b))."""
        if isinstance(tree, str):
            return _Ref(self.leaf[tree, target], False)
        operator, operands = tree[0], tree[1:]
        if operator == "not":
            inner = self.place(operands[0], target)
            return _Ref(inner.slot, not inner.complement)
        flip = operator == "or"
        refs = [self.place(operand, target) for operand in operands]
        product = self.multiply([_Ref(ref.slot, ref.complement ^ flip) for ref in refs])
        return _Ref(product.slot, product.complement ^ flip)

    def multiply(self, refs: list[_Ref]) -> _Ref:
        """The product of all `refs`, by halves so that few levels are needed."""
        if len(refs) == 1:
            return refs[0]
        left, right = self.multiply(refs[: len(refs) // 2]), self.multiply(refs[len(refs) // 2 :])
        self.gates.append(_Gate(1 + max(self.level(left), self.level(right)), left, right))
        return _Ref(len(self.leaf) + len(self.gates) - 1, False)

    def level(self, ref: _Ref) -> int:
        """0 for a leaf, else one more than the gate's inputs."""
        return 0 if ref.slot < len(self.leaf) else self.gates[ref.slot - len(self.leaf)].level

    def moved(self, ref: _Ref) -> _Ref:
        """`ref` after the gates were sorted by level."""
        return _Ref(self.slot[ref.slot], ref.complement)


class Derivative:
    """dx/dt of a network, for all genes and trajectories at once; `derivative(t, x)` as torchdiffeq wants it.

    One evaluation computes every edge's Hill function together, then all gates of a level together.
    """

    def __init__(self, network: Network) -> None:
        """Flatten the network's logic and precompute its Hill constants."""
        compiled = _Compiler(network)
        self.source = torch.tensor([network.index[edge.source] for edge in network.edges])
        self.n = torch.tensor([[edge.n] for edge in network.edges], dtype=torch.float64)
        power = torch.tensor([[edge.ec50] for edge in network.edges], dtype=torch.float64) ** self.n
        self.b = (power - 1) / (2 * power - 1)
        self.levels = [
            (_Select([compiled.moved(g.left) for g in gates]), _Select([compiled.moved(g.right) for g in gates]))
            for gates in _by_level(compiled.gates)
        ]
        self.slots = len(network.edges) + len(compiled.gates)
        self.roots = _Select(compiled.roots)
        self.regulated = torch.tensor([network.index[gene] for gene in network.logic])

    def __call__(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """dx/dt at x, both (genes, trajectories) float64; does not depend on `t`."""
        values = x.new_empty(self.slots, x.shape[1])
        power = x[self.source].abs() ** self.n
        filled = len(power)
        values[:filled] = self.b * power / (self.b - 1 + power)
        for left, right in self.levels:
            product = left(values) * right(values)
            values[filled : filled + len(product)] = product
            filled += len(product)
        change = torch.zeros_like(x)
        change[self.regulated] = self.roots(values) - x[self.regulated]
        return change


def _by_level(gates: Sequence[_Gate]) -> list[list[_Gate]]:
    levels: dict[int, list[_Gate]] = {}
    for gate in gates:
        levels.setdefault(gate.level, []).append(gate)
    return list(levels.values())


@torch.no_grad()
def simulate(
    network: Network,
    initial: np.ndarray,
    times: Sequence[float],
    rtol: float = 1e-8,
    atol: float = 1e-10,
    held: np.ndarray | None = None,
) -> np.ndarray:
    """Expression over time from each initial state, without noise; all trajectories in one solve.

    torchdiffeq bounds the root mean square of a step's error over all genes and trajectories. On SIM350 with 160
    trajectories the largest error of a single value is 6e-9 at these tolerances, a tenth of float32's resolution.
    dopri8 would take fewer steps, but torchdiffeq interpolates between them by a low order: 1.6e-6.

    Args:
        network: the genes and how they regulate each other.
        initial: (trajectories, genes), expression at times[0].
        times: at least two, increasing.
        rtol: relative tolerance of a step.
        atol: absolute tolerance of a step.
        held: (trajectories, genes) bool, genes that stay as they are at first; None for none.

    Returns:
        (trajectories, times, genes) float64.

    Raises:
        DashpruneError: if the times do not increase.
    """
    points = np.asarray(times, dtype=np.float64)
    if len(points) < 2 or not np.isfinite(points).all() or not (np.diff(points) > 0).all():
        raise DashpruneError(f"times must be at least two numbers that increase, but are {list(times)}")
    start = torch.as_tensor(np.ascontiguousarray(initial.T), dtype=torch.float64)
    derivative = Derivative(network)
    still = None if held is None else torch.as_tensor(held.T.copy())

    def change(t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return derivative(t, x) if still is None else derivative(t, x).masked_fill(still, 0)

    solution = odeint(change, start, torch.tensor(points), rtol=rtol, atol=atol, method="dopri5")
    return np.ascontiguousarray(cast(torch.Tensor, solution).permute(2, 0, 1).numpy())


# --- random networks and starting values -----------------------------------------------------------------------------

# Facts about the published SIM350 network (edge_properties_G350.csv, ode_system_functions_350.csv of
# github.com/QuackenbushLab/phoenix, corrected as in data/sim350.py), as {value: how many genes}.
# fmt: off
_INPUT_OUT_DEGREES = {
    1: 19, 2: 7, 3: 12, 4: 6, 5: 6, 6: 2, 7: 3, 8: 5, 9: 1, 10: 4, 11: 1, 12: 2, 13: 1, 14: 1, 24: 1, 28: 1, 37: 1,
}
# fmt: on
_REGULATOR_OUT_DEGREES = {1: 6, 2: 3, 3: 3, 4: 3, 9: 2, 12: 2, 13: 1, 15: 2, 17: 1, 19: 1}
"""Of the 24 regulated genes, out of 277, that regulate others; no gene regulates itself."""
_IN_DEGREES = {1: 143, 2: 65, 3: 39, 4: 15, 5: 6, 6: 4, 7: 1, 8: 2, 10: 1, 13: 1}
_SHARE_OF_REGULATORS = 24 / 277
_PURE_ACTIVATORS, _PURE_REPRESSORS, _REGULATORS = 49, 24, 97
_EC50 = (0.4, 0.6)  # uniform, mean 0.500, sd 0.059
_N = (1.01, 1.70)  # uniform, mean 1.351, sd 0.197, uncorrelated with EC50 (0.001)
# Every published rule is one of two kinds, with p activators and q repressors:
#   "and": and(activator, ..., or(not repressor, ...));  "or": or(not repressor, ..., and(activator, ...)).
# With one kind of regulator only, e.g. q = 0, the outer operator has nothing to join.
# fmt: off
_SHAPES = {
    ("and", 1, 0): 103, ("or", 0, 1): 40,
    ("and", 2, 0): 32, ("and", 1, 1): 17, ("or", 1, 1): 11, ("or", 0, 2): 5,
    ("and", 3, 0): 10, ("and", 2, 1): 13, ("and", 1, 2): 7, ("or", 2, 1): 4, ("or", 1, 2): 1, ("or", 0, 3): 4,
    ("and", 4, 0): 3, ("and", 3, 1): 3, ("and", 2, 2): 2, ("and", 1, 3): 1,
    ("or", 3, 1): 3, ("or", 1, 3): 2, ("or", 0, 4): 1,
    ("and", 5, 0): 1, ("or", 4, 1): 1, ("or", 3, 2): 2, ("or", 2, 3): 2,
    ("and", 6, 0): 1, ("and", 4, 2): 1, ("or", 4, 2): 1, ("or", 3, 3): 1, ("and", 6, 1): 1,
    ("and", 4, 4): 1, ("and", 6, 2): 1, ("or", 6, 4): 1, ("or", 12, 1): 1,
}
# fmt: on


def generate(rng: np.random.Generator, genes: int = 350, inputs: int = 73, edges: int = 550) -> Network:
    """A random network like the published SIM350 one, in any size.

    In- and out-degrees are spread as in the published network, and so are the shapes of the rules given the number
    of regulators, the sign of a regulator's effects (half of the regulators only activate, a quarter only represses)
    and the Hill parameters. Inputs come first; every input regulates, every other gene is regulated, none by itself.

    Args:
        rng: source of randomness.
        genes: number of genes, inputs included.
        inputs: number of genes that stay constant.
        edges: number of regulations, exactly.

    Raises:
        DashpruneError: if no such network exists.
    """
    regulated = genes - inputs
    _check_sizes(genes, inputs, edges)
    enough = math.ceil(edges / regulated) + 1 - inputs  # for the mean in-degree, whoever must leave out itself
    others = min(max(round(_SHARE_OF_REGULATORS * regulated), enough), regulated, edges - inputs)
    names = tuple(f"G{k:0{max(3, len(str(genes)))}d}" for k in range(1, genes + 1))
    gene = np.arange(genes)
    out_degree = np.r_[_resample(rng, _INPUT_OUT_DEGREES, inputs), _resample(rng, _REGULATOR_OUT_DEGREES, others)]
    out_degree = _adjust(rng, out_degree, regulated - (gene[: inputs + others] >= inputs), edges)
    in_degree = _resample(rng, _IN_DEGREES, regulated)
    in_degree = _adjust(rng, in_degree, inputs + others - (gene[inputs:] < inputs + others), edges)
    return _wire(rng, names, inputs, in_degree, out_degree)


def _check_sizes(genes: int, inputs: int, edges: int) -> None:
    """Raise DashpruneError unless a network of this size exists."""
    regulated = genes - inputs
    if inputs < 1 or regulated < 1:
        raise DashpruneError(f"a network of {genes} genes cannot have {inputs} inputs; give 1 to {genes - 1} inputs")
    least, most = max(inputs, regulated), regulated * (genes - 1)
    if not least <= edges <= most:
        raise DashpruneError(
            f"a network of {genes} genes with {inputs} inputs cannot have {edges} edges; give {least} to {most} "
            f"(every input regulates a gene, every other gene is regulated, none by itself)"
        )


def _resample(rng: np.random.Generator, counts: Mapping[int, int], size: int) -> np.ndarray:
    """`size` values with the histogram `counts`, in random order (systematic resampling: quantiles u/size + k/size)."""
    values = np.repeat(list(counts), list(counts.values()))
    quantile = (rng.random() + np.arange(size)) / max(size, 1)
    return rng.permutation(values[(quantile * len(values)).astype(int)])


def _adjust(rng: np.random.Generator, degree: np.ndarray, limit: np.ndarray, total: int) -> np.ndarray:
    """`degree` with single steps at random genes, likelier where large, until it sums to `total` within 1..limit."""
    degree = np.minimum(degree, limit)
    while (missing := total - degree.sum()) != 0:
        step = 1 if missing > 0 else -1
        weight = degree * (degree < limit if step > 0 else degree > 1)
        degree[rng.choice(len(degree), p=weight / weight.sum())] += step
    return degree


def _wire(
    rng: np.random.Generator, names: tuple[str, ...], inputs: int, in_degree: np.ndarray, out_degree: np.ndarray
) -> Network:
    """Network with these degrees: the genes from `inputs` on are regulated, the first len(out_degree) regulate.

    Genes with many regulators choose first, so that the choice seldom runs out of out-degree; where it does, a
    regulator gets more than its degree.
    """
    repression = rng.choice([0.0, 1.0, 0.5], len(out_degree), p=_tendencies())
    left = out_degree.astype(float)
    edges: dict[int, list[Edge]] = {}
    logic: dict[int, Logic] = {}
    for target in np.argsort(-in_degree + rng.random(len(in_degree))):
        gene = int(target) + inputs
        operator, p, q = _draw_shape(rng, int(in_degree[target]))
        free = np.arange(len(left)) != gene
        activators = _choose(rng, p, left * (1 - repression), left, free)
        repressors = _choose(rng, q, left * repression, left, free)
        logic[gene] = _rule(operator, [names[k] for k in activators], [names[k] for k in repressors])
        edges[gene] = [_draw_edge(rng, names[k], names[gene], 1) for k in activators]
        edges[gene] += [_draw_edge(rng, names[k], names[gene], -1) for k in repressors]
    order = range(inputs, len(names))
    return Network(names, tuple(e for k in order for e in edges[k]), {names[k]: logic[k] for k in order})


def _tendencies() -> list[float]:
    """Shares of regulators that only activate, only repress, do both."""
    activate, repress = _PURE_ACTIVATORS / _REGULATORS, _PURE_REPRESSORS / _REGULATORS
    return [activate, repress, 1 - activate - repress]


def _choose(
    rng: np.random.Generator, number: int, preferred: np.ndarray, left: np.ndarray, free: np.ndarray
) -> list[int]:
    """`number` distinct free regulators, drawn by weight: `preferred`, else out-degree left, else any.

    Takes them out of `left` and `free`. As whoever has out-degree left comes before all others, no input stays unused.
    """
    if number == 0:
        return []
    weight = free * (preferred + 1e-3 * left + 1e-12)
    chosen = rng.choice(len(left), number, replace=False, p=weight / weight.sum())
    left[chosen] = np.maximum(left[chosen] - 1, 0)
    free[chosen] = False
    return [int(k) for k in chosen]


def _draw_shape(rng: np.random.Generator, regulators: int) -> tuple[str, int, int]:
    """Outer operator, number of activators and of repressors of a published rule with this many regulators.

    Where none was published, one with fewer gets additional activators.
    """
    published = max(p + q for _, p, q in _SHAPES if p + q <= regulators)
    shapes = {shape: count for shape, count in _SHAPES.items() if shape[1] + shape[2] == published}
    weight = np.array(list(shapes.values()), dtype=float)
    operator, p, q = list(shapes)[rng.choice(len(shapes), p=weight / weight.sum())]
    return operator, p + regulators - published, q


def _rule(operator: str, activators: Sequence[str], repressors: Sequence[str]) -> Logic:
    """See _SHAPES for the two kinds."""
    negated = [("not", name) for name in repressors]
    if operator == "and":
        return join("and", *activators, *([join("or", *negated)] if negated else []))
    return join("or", *negated, *([join("and", *activators)] if activators else []))


def _draw_edge(rng: np.random.Generator, source: str, target: str, sign: int) -> Edge:
    return Edge(source, target, sign, ec50=float(rng.uniform(*_EC50)), n=float(rng.uniform(*_N)))


def initial_states(
    rng: np.random.Generator,
    network: Network,
    trajectories: int,
    input_moments: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Starting values by the rule of the published simulator (METHODS 5).

    Inputs are normal around a mean of their own, redrawn until inside [0, 1]. Regulated genes are Beta(2, 2) plus
    one shift per gene, U(-0.25, 0.25), clipped to [0, 1]. Trajectory k is the same however many are drawn.

    Args:
        rng: source of randomness.
        network: tells inputs from regulated genes.
        trajectories: how many.
        input_moments: mean and sd of each input gene, in network order; None draws mean ~ Beta(10, 10) and
            sd = max(0.01, Beta(15, 15) min(mean, 1 - mean) / 3).

    Returns:
        (trajectories, genes) float64.
    """
    is_input = network.is_input
    shift = rng.uniform(-0.25, 0.25, (~is_input).sum())
    mean, sd = input_moments or _draw_input_moments(rng, int(is_input.sum()))
    states = np.empty((trajectories, len(is_input)))
    for state, stream in zip(states, rng.spawn(trajectories), strict=True):
        state[is_input] = _truncated_normal(stream, mean, sd)
        state[~is_input] = np.clip(stream.beta(2, 2, len(shift)) + shift, 0, 1)
    return states


def _draw_input_moments(rng: np.random.Generator, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    mean = rng.beta(10, 10, inputs)
    return mean, np.maximum(0.01, rng.beta(15, 15, inputs) * np.minimum(mean, 1 - mean) / 3)


def _truncated_normal(rng: np.random.Generator, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    value = rng.normal(mean, sd)
    while (outside := (value < 0) | (value > 1)).any():
        value[outside] = rng.normal(mean[outside], sd[outside])
    return value


def corrupt(prior: csr_array, fraction: float, rng: np.random.Generator) -> csr_array:
    """A prior of which floor(fraction * edges) edges are moved to random places, sign kept (METHODS 5).

    The new places are drawn uniformly, without repeats, from the ordered pairs of distinct genes that had no edge.
    So the numbers of edges and of signs stay, and exactly that many edges are lost.

    Args:
        prior: (genes, genes) sparse, row regulates column, zero diagonal.
        fraction: of edges to move, 0 to 1.
        rng: source of randomness.

    Returns:
        a new (genes, genes) sparse array of the prior's type.

    Raises:
        DashpruneError: if the prior has too few empty places.
    """
    genes = prior.shape[0]
    listed = sparse(prior, prior.dtype).tocoo()
    places = listed.row.astype(np.int64) * genes + listed.col  # in the flattened array
    occupied = np.union1d(places, np.arange(genes) * (genes + 1))
    number, empty = int(np.floor(round(fraction * len(places), 9))), genes**2 - len(occupied)
    if number > empty:
        raise DashpruneError(
            f"cannot move {number} prior edges: only {empty} pairs of genes have none; lower prior_noise"
        )
    moved = rng.choice(len(places), number, replace=False)
    new = rng.choice(empty, number, replace=False)  # counted among the empty places
    places[moved] = new + np.searchsorted(occupied - np.arange(len(occupied)), new, side="right")
    return sparse(csr_array((listed.data, np.divmod(places, genes)), shape=prior.shape), prior.dtype)
