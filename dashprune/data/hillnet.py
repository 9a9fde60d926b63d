"""A simulator of another kind than sim350's, to see what a strategy withstands: each switch breaks one assumption.

Without any switch, regulator i acts on gene g through a = x_i^n / (K^n + x_i^n), and

    dx_g/dt = λ_g (F_g - x_g),   F_g = (b + Σ_activators a) / (1 + b + Σ_activators a + Σ_repressors 2 a)

with λ_g = 1: regulators compete for the gene, as in thermodynamic models of transcription. The form is not that of
PHOENIX. Genes without regulators stay constant. Switches, each by itself:

- `decay_spread`: λ_g is log-normal, so that genes respond at different rates;
- `delay`: regulators act by a protein that follows their mRNA, dp/dt = (x - p) / delay, and that nobody measures;
- `intrinsic`: Langevin noise, of standard deviation intrinsic · √(λ_g (F_g + x_g)) per √time, kept in [0, 1.5];
- `multiplicative`: measured values are x · exp(N(0, multiplicative²)), beside the additive `noise`;
- `perturbation`: until the middle of each trajectory F_g of a random third of the regulated genes is raised or lowered
  by so much, and nobody says which;
- `activity`: "hidden" lets regulators act by an activity that wanders by itself, whatever their mRNA does.

Sources: Bintu et al., Curr. Opin. Genet. Dev. 15 (2005), for the form; Gillespie, J. Chem. Phys. 113 (2000), for the
noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from dashprune.data import holdout
from dashprune.data.base import Dataset
from dashprune.data.problem import Pairs, Problem, Split, coregulation_from_prior
from dashprune.data.simulator import Network, corrupt, generate
from dashprune.seeds import numpy_generator

_VERSION = "hillnet-1"
"""Changes when the same settings would give other data."""
_STEP = 0.01
"""Of the Euler-Maruyama method, in units of time."""
_BASAL = 0.05
_PULL = 0.3
"""Rate at which a hidden activity forgets where it was."""
Positive = Annotated[float, Field(ge=0)]


class Switches(NamedTuple):
    """What departs from the plain equation; see above."""

    decay_spread: float
    delay: float
    intrinsic: float
    perturbation: float
    hidden: bool


class Rules(NamedTuple):
    """How genes are regulated: (regulators, genes) float64 each, 0 where there is no edge.

    Attributes:
        raises, lowers: 1 where an edge has this sign.
        half: K, the expression of half the effect.
        steepness: n.
    """

    raises: np.ndarray
    lowers: np.ndarray
    half: np.ndarray
    steepness: np.ndarray


@dataclass(frozen=True)
class Hillnet(Dataset):
    """The hillnet dataset.

    Attributes:
        genes, inputs, edges: of the network, which is drawn as a generated one of sim350.
        train, validation, test: numbers of trajectories; None for no validation, or no test.
        points: time points of a trajectory, spread evenly from 0.
        length: of a trajectory, in units of the typical response time.
        noise: sd of the normal noise on every training and validation value; the test split has none.
        multiplicative: see above, likewise.
        decay_spread, delay, intrinsic, perturbation, activity: see above.
        prior: "network", of which the next three leave a part; None for no prior.
        prior_noise: fraction of the prior's edges moved to random places.
        prior_holdout: fraction of the prior's edges, after that, that are taken out of it; None for none.
        prior_holdout_by: "edges" takes out single edges, "genes" all edges to a gene.
        seed: of network, rates, trajectories, noise and prior, each with a stream of its own.
    """

    genes: Annotated[int, Field(ge=2)]
    inputs: Annotated[int, Field(ge=1)]
    edges: Annotated[int, Field(ge=1)]
    train: Annotated[int, Field(ge=1)]
    validation: Annotated[int, Field(ge=1)] | None
    test: Annotated[int, Field(ge=1)] | None
    points: Annotated[int, Field(ge=2)]
    length: Annotated[float, Field(gt=0)]
    noise: Positive
    decay_spread: Positive
    delay: Positive
    intrinsic: Positive
    multiplicative: Positive
    perturbation: Positive
    activity: Literal["mrna", "hidden"]
    prior: Literal["network"] | None
    prior_noise: Annotated[float, Field(ge=0, le=1)]
    prior_holdout: holdout.Fraction | None
    prior_holdout_by: holdout.By
    seed: Annotated[int, Field(ge=0)]

    def fingerprint(self) -> str:
        return _VERSION

    def load(self) -> Problem:
        chosen, tested = self.validation or 0, self.test or 0
        network, clean = _simulated(
            self.genes, self.inputs, self.edges, self.train + chosen + tested, self.points, self.length,
            Switches(self.decay_spread, self.delay, self.intrinsic, self.perturbation, self.activity == "hidden"),
            self.seed,
        )  # fmt: skip
        times = np.linspace(0, self.length, self.points)
        held_out, fitted = clean[:tested], self._measured(clean[tested:])
        prior = self._prior(network)
        anyone = np.ones(self.genes, dtype=bool)
        return Problem(
            genes=network.genes,
            train=_split(fitted[chosen:], times),
            validation=_split(fitted[:chosen], times),
            test=_split(held_out, times),
            prior=prior,
            coregulation=coregulation_from_prior(prior),
            truth=network.adjacency().astype(bool),
            evaluable=Pairs(anyone, anyone, loops=False),
        )

    def _prior(self, network: Network) -> csr_array:
        """(genes, genes) sparse float32, sign kept."""
        if self.prior is None:
            return csr_array((self.genes, self.genes), dtype=np.float32)
        moved = corrupt(network.adjacency(), self.prior_noise, numpy_generator(self.seed, "prior"))
        rng = numpy_generator(self.seed, "holdout")
        return holdout.hold_out(moved, self.prior_holdout, self.prior_holdout_by, rng)

    def _measured(self, clean: np.ndarray) -> np.ndarray:
        additive, relative = numpy_generator(self.seed, "noise").standard_normal((2, *clean.shape))
        return clean * np.exp(self.multiplicative * relative) + self.noise * additive


def _split(expression: np.ndarray, times: np.ndarray) -> Split:
    return Split(expression.astype(np.float32), np.tile(times, (len(expression), 1)))


@lru_cache(maxsize=4)
def _simulated(
    genes: int, inputs: int, edges: int, number: int, points: int, length: float, switches: Switches, seed: int
) -> tuple[Network, np.ndarray]:
    """A network, and (trajectories, points, genes) float64 of its mRNA, read-only since it is shared."""
    network = generate(numpy_generator(seed, "network"), genes, inputs, edges)
    states = simulate(network, number, points, length, switches, seed)
    states.flags.writeable = False
    return network, states


def simulate(network: Network, number: int, points: int, length: float, switches: Switches, seed: int) -> np.ndarray:
    """Simulate trajectories from random states.

    Args:
        network: its edges, with their signs, exponents and half effects; its logic is not used.
        number: of trajectories.
        points: at which they are measured, evenly from 0.
        length: of each, in units of time.
        switches: what departs from the plain equation.
        seed: of rates, states, perturbations and intrinsic noise.

    Returns:
        (trajectories, points, genes) float64 mRNA, without noise of measurement.
    """
    rules, still = _rules(network), network.is_input
    rate = np.exp(switches.decay_spread * numpy_generator(seed, "decay").standard_normal(len(still)))
    mrna = numpy_generator(seed, "initial states").random((number, len(still)))
    shift = _perturbation(numpy_generator(seed, "perturbation"), mrna.shape, still, switches.perturbation)
    random, wander = numpy_generator(seed, "intrinsic"), numpy_generator(seed, "activity")
    acting = wander.random(mrna.shape) if switches.hidden else mrna.copy()
    steps = max(round(length / _STEP), points - 1)
    step, measured = length / steps, np.round(np.linspace(0, steps, points)).astype(int)
    states = [mrna.copy()]
    for k in range(1, steps + 1):
        target = np.clip(_production(acting, rules) + (shift if 2 * k <= steps else 0), 0, 1)
        change = step * rate * (target - mrna)
        if switches.intrinsic:
            spread = switches.intrinsic * np.sqrt(step * rate * (target + mrna))
            change += spread * random.standard_normal(mrna.shape)
        mrna = np.where(still, mrna, np.clip(mrna + change, 0, 1.5))
        acting = _acting(acting, mrna, switches, step, wander)
        if k in measured:
            states.append(mrna.copy())
    return np.stack(states, axis=1)


def _rules(network: Network) -> Rules:
    signs = network.adjacency().toarray().astype(np.float64)
    half, steepness = np.ones_like(signs), np.ones_like(signs)
    for edge in network.edges:
        place = network.index[edge.source], network.index[edge.target]
        half[place], steepness[place] = edge.ec50, edge.n
    return Rules((signs > 0).astype(np.float64), (signs < 0).astype(np.float64), half, steepness)


def _production(acting: np.ndarray, rules: Rules) -> np.ndarray:
    """(trajectories, genes) F of every gene, from what acts, (trajectories, regulators)."""
    sources, targets = np.nonzero(rules.raises + rules.lowers)
    power = np.maximum(acting[:, sources], 0) ** rules.steepness[sources, targets]
    bound = power / (rules.half[sources, targets] ** rules.steepness[sources, targets] + power)
    raised, lowered = np.zeros((2, *acting.shape))
    np.add.at(raised.T, targets, (bound * rules.raises[sources, targets]).T)
    np.add.at(lowered.T, targets, (bound * rules.lowers[sources, targets]).T)
    return (_BASAL + raised) / (1 + _BASAL + raised + 2 * lowered) * (1 + _BASAL)


def _acting(
    acting: np.ndarray, mrna: np.ndarray, switches: Switches, step: float, wander: np.random.Generator
) -> np.ndarray:
    """What acts after a step: a wandering activity, a protein that follows the mRNA, or the mRNA itself."""
    if switches.hidden:
        noise = np.sqrt(2 * _PULL * step) * 0.3 * wander.standard_normal(acting.shape)
        return np.clip(acting + step * _PULL * (0.5 - acting) + noise, 0, 1)
    if switches.delay:
        return acting + (mrna - acting) * -np.expm1(-step / switches.delay)
    return mrna


def _perturbation(random: np.random.Generator, shape: tuple[int, ...], still: np.ndarray, size: float) -> np.ndarray:
    """(trajectories, genes) what is added to F: ± size for a third of the regulated genes, 0 for all others."""
    chosen = (random.random(shape) < 1 / 3) & ~still
    return size * np.where(chosen, random.choice([-1.0, 1.0], shape), 0.0)
