"""How probable each edge is, from a regression of responses on signals and a prior network of unknown reliability.

A response is Σ_i β_i signal_i + noise. A pair is an edge with one probability if it is in the prior (reliability) and
with another if not (novelty); an edge's β has a Laplace distribution, that of a pair without edge is 0. Both
probabilities, the Laplace scale and each target's noise are estimated from the data (empirical Bayes).

What a linear regression misses of the dynamics is alike in rows of the same trajectory, so these say less than as many
independent rows. Each target's noise is therefore multiplied by its design effect: the variance of the sums of
residuals over trajectories, relative to that of independent residuals.

Source: Carbonetto and Stephens, Bayesian Analysis 7 (2012), for the ascent; Stephens, Biostatistics 18 (2017), for
mixtures of normal distributions, by which the Laplace distribution is approximated here (sizes); Kish, Survey Sampling
(1965), for the design effect.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.special import expit, logsumexp

from dashprune.evidence.causal import corroborated, unconfirmed
from dashprune.evidence.residuals import ByProduct, BySample, LeftOut, Residuals
from dashprune.evidence.sizes import SCALES, SHAPES, Mixture, laplace
from dashprune.evidence.uneven import ByPrecision, Uneven, Weighing

_CHI_SQUARED = 0.4549
"""Median of the chi-squared distribution with one degree of freedom."""
_LIKE_ALL = 100
"""Targets that a regulator would need for its own inflation to count as much as that of all regulators."""
_BLOCK = 2**22
"""Most pairs whose residuals are held at once; 32 MB in float64."""
_AT_ONCE = 8
"""Pairs whose odds are found at once for all shapes, scales and shares; what a processor keeps at hand."""


class Rows(Protocol):
    """A linear regression, a row per observation; all columns are centred, as it has no intercept.

    Attributes:
        signals: (N, regulators).
        responses: (N, targets).
        trajectory: (N,) the trajectory of each row.
        own: (N, targets) what else a target's response may depend on, whatever for: its own state.
        left_out: what targets themselves add to signals, and must not speak for their edges; None for nothing.
        uneven: how much each row says of each target; None where it says as much of all.
        causal: a regression of the same of which causes and effects are known, as genes were changed from outside.
    """

    @property
    def signals(self) -> np.ndarray: ...
    @property
    def responses(self) -> np.ndarray: ...
    @property
    def trajectory(self) -> np.ndarray: ...
    @property
    def own(self) -> np.ndarray: ...
    @property
    def left_out(self) -> LeftOut | None: ...
    @property
    def uneven(self) -> Uneven | None: ...
    @property
    def causal(self) -> Rows | None: ...


class Share(NamedTuple):
    """Which share of some pairs are edges, estimated from data: the value and a 95 % interval."""

    value: float
    low: float
    high: float


class Posterior(NamedTuple):
    """What is known of the edges.

    Attributes:
        log_odds: (regulators, targets) logarithm of each pair's Bayes factor, what the data say for an edge; row
            regulates column.
        probability: (regulators, targets) of each pair to be an edge; 0 for what is no candidate.
        effect: (regulators, targets) posterior mean of each standardised effect.
        reliability: share of the prior's edges that are real.
        novelty: share of all other pairs that are real.
        scale: mean size of a real, standardised effect.
    """

    log_odds: np.ndarray
    probability: np.ndarray
    effect: np.ndarray
    reliability: Share
    novelty: Share
    scale: float


def posterior(
    rows: Rows,
    prior: np.ndarray,
    candidates: np.ndarray,
    log_odds: np.ndarray | float = -math.inf,
    sweeps: int = 30,
    relative: np.ndarray | None = None,
) -> Posterior:
    """Bayesian choice of regulators for all targets at once, by coordinate ascent of the variational bound.

    Args:
        rows: of the regression.
        prior: (regulators, targets) bool, the prior's edges.
        candidates: (regulators, targets) bool; all other pairs explain nothing.
        log_odds: (regulators, targets) logarithms of Bayes factors known before; those of candidates are found anew,
            the others count for the shares as they are. By default they are no edges for certain.
        sweeps: over all pairs, at most.
        relative: (regulators, targets) by how much the log-odds of each pair differ beforehand from those of others in
            the prior, or of others outside of it; None for not at all.
    """
    parts = [part for part in (rows, rows.causal) if part is not None]
    states = [_ascended(part, prior, candidates, log_odds, sweeps, relative) for part in parts]
    pairs = states[-1].pairs
    found = states[-1].by_scale()
    if rows.causal is not None:
        found = _corroborate(states, found)
    novelty = _share(pairs.log_odds[~prior], 0 if relative is None else relative[~prior])
    before = np.zeros(prior.sum()) if relative is None else relative[prior].astype(np.float64)
    reliability, known = _reliability(found, before)
    pairs.log_odds[prior] = np.where(candidates[prior], known, pairs.log_odds[prior])
    judged = candidates[prior]
    probability = expit(_logit(reliability.value) + before + pairs.log_odds[prior])
    pairs.probability[prior & candidates] = probability[judged]
    effect = pairs.effect(slice(None))
    return Posterior(pairs.log_odds, pairs.probability, effect, reliability, novelty, states[-1].scale)


def _ascended(
    rows: Rows,
    prior: np.ndarray,
    candidates: np.ndarray,
    log_odds: np.ndarray | float,
    sweeps: int,
    relative: np.ndarray | None,
) -> _Ascent:
    """The ascent when nothing changes much any more."""
    state = (_Ascent if rows.uneven is None else _Uneven)(rows, prior, candidates, log_odds, relative)
    pairs = state.pairs
    for sweep in range(sweeps):
        before = pairs.probability.copy()
        state.sweep(everything=sweep < 3 or sweep % 6 == 5)
        if sweep > 6 and np.abs(pairs.probability - before).max() < 5e-3:
            break
    return state


def _corroborate(states: list[_Ascent], by_scale: np.ndarray) -> np.ndarray:
    """Put what both say together of each pair into the second, causal one; returns the same of `by_scale`, that has."""
    association, cause = (state.pairs for state in states)
    candidates, prior = states[0].candidates, states[0].prior
    judged = candidates & ~prior
    others = int((~candidates & ~prior & ~np.isneginf(cause.log_odds)).sum())
    ratio = unconfirmed(association.log_odds[judged], cause.log_odds[judged], others)
    both = corroborated(association.log_odds[candidates], cause.log_odds[candidates], ratio)
    cause.log_odds[candidates] = both
    relative = np.zeros(prior.shape) if states[1].relative is None else states[1].relative
    shares = np.where(prior, states[1].reliable, _share(cause.log_odds[~prior], relative[~prior]).value)
    cause.probability[candidates] = expit(np.log(shares / (1 - shares)) + relative + cause.log_odds)[candidates]
    known = corroborated(states[0].by_scale(), by_scale, ratio)
    return np.where(candidates[prior], known, by_scale)


class _Evidence(NamedTuple):
    """What the data say of some pairs, each (pairs,) float32.

    Attributes:
        log_odds: logarithm of the Bayes factor for an edge.
        mean: of the effect, if it is an edge.
        square: mean of the effect's square, likewise.
        variance: of the normal distribution that the effect comes from, likewise.
    """

    log_odds: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    variance: np.ndarray


class _Pairs:
    """What is believed of all pairs, (regulators, targets) float32 each; changed in place.

    Attributes:
        log_odds, mean, variance: see _Evidence.
        probability: to be an edge.
        square: mean of the effect's square, which is 0 without an edge.
    """

    def __init__(self, log_odds: np.ndarray) -> None:
        self.log_odds = log_odds.astype(np.float32)
        self.probability, self.mean, self.square, self.variance = np.zeros((4, *log_odds.shape), dtype=np.float32)

    def effect(self, targets: slice) -> np.ndarray:
        """(regulators, targets) posterior means of the effects."""
        return self.probability[:, targets] * self.mean[:, targets]

    def put(self, here: tuple[int, np.ndarray], probability: np.ndarray, evidence: _Evidence) -> None:
        """Replace what is believed of the pairs `here`, a source and (pairs,) targets."""
        self.log_odds[here], self.probability[here] = evidence.log_odds, probability
        self.mean[here], self.variance[here] = evidence.mean, evidence.variance
        self.square[here] = probability * evidence.square

    def scale(self) -> float:
        """The Laplace scale that the effects of edges have by themselves."""
        edges = self.probability.sum()
        return math.sqrt(max((self.probability * self.variance).sum() / max(2 * edges, 1e-12), 1e-8))


class _Ascent:
    """Coordinate ascent: what `posterior` believes of the pairs, and of what they share.

    Attributes:
        members: (trajectories, N) sparse, 1 where a row is of a trajectory.
        power: (regulators,) sums of squares of the signals.
        gram: (regulators, regulators) products of the signals with each other.
        pairs: what is believed of each.
        noise: (targets,) variance of what is left of each target's responses, times its design effect.
        scale: mean size of a real effect.
        reliable, novel: shares of the prior's pairs and of the others that are real.
        by_sample: whether residuals are kept by sample, as is less work where there are fewer than regulators.
    """

    def __init__(
        self,
        rows: Rows,
        prior: np.ndarray,
        candidates: np.ndarray,
        log_odds: np.ndarray | float,
        relative: np.ndarray | None = None,
    ) -> None:
        self.relative = relative
        signals, trajectory = rows.signals, rows.trajectory
        self.own = rows.own / np.maximum(np.sqrt((rows.own**2).sum(axis=0)), 1e-12)
        responses = self._without_own(rows.responses, slice(None))
        self.signals, self.responses, self.prior, self.candidates = signals, responses, prior, candidates
        self.overlap = (signals.T @ self.own).astype(np.float32)
        self.left_out = None if rows.left_out is None else _without_nuisance(rows.left_out, self.own)
        self.members = csr_array((np.ones(len(trajectory)), (trajectory, np.arange(len(trajectory)))))
        self.power = np.maximum((signals**2).sum(axis=0), 1e-12)
        if self.left_out is not None:
            self.cross = signals.T @ self.left_out.residual
            self.left_power = (self.left_out.residual**2).sum(axis=0)
        self.by_sample = signals.shape[0] < signals.shape[1]
        self.gram = signals.T @ signals
        self.inflation = np.ones(signals.shape[1])
        self.noise = (responses**2).mean(axis=0) / 2 + 1e-9
        self._begin(log_odds)
        for block in self.blocks:
            self._estimate_noise(block)

    def _begin(self, log_odds: np.ndarray | float) -> None:
        self.scale, self.reliable, self.novel = 0.15, 0.9, 0.002
        self.pairs = _Pairs(np.where(self.candidates, -5.0, log_odds))  # -5 until their turn comes
        self.possible = ~np.isneginf(self.pairs.log_odds)
        self._believe_the_prior()
        self.blocks = _blocks(*self.candidates.shape)

    def sweep(self, everything: bool) -> None:
        """Update every candidate pair once, or only those that are not negligible; then what they share."""
        mixture = laplace(self.scale)
        if self.left_out is not None:
            self._estimate_inflation(self.left_out)
        for block in self.blocks:
            active = self.candidates[:, block]
            if not everything:
                active = active & ((self.pairs.probability[:, block] > 1e-4) | self.prior[:, block])
            residuals = self._residuals(block)
            for source in np.flatnonzero(active.any(axis=1)).tolist():
                self._update(source, np.flatnonzero(active[source]), block.start, residuals, mixture)
            self._estimate_noise(block)
        self._estimate_shares()

    def _update(self, source: int, places: np.ndarray, first: int, residuals: Residuals, mixture: Mixture) -> None:
        """Weigh the evidence for the pairs of one source, given all other pairs as they stand.

        Args:
            source: row of the pairs.
            places: (pairs,) their columns in `residuals`.
            first: the target with which `residuals` start.
            residuals: what all pairs leave unexplained; brought up to date.
            mixture: of the effects of real edges.
        """
        here = source, first + places
        old = self.pairs.probability[here] * self.pairs.mean[here]
        found = _evidence(*self._estimate(here, places, residuals), mixture)
        before = np.where(self.prior[here], _logit(self.reliable), _logit(self.novel))
        if self.relative is not None:
            before = before + self.relative[here]
        probability = expit(before + found.log_odds).astype(np.float32)
        self.pairs.put(here, probability, found)
        residuals.explain(source, places, probability * found.mean - old)

    def _estimate(
        self, here: tuple[int, np.ndarray], places: np.ndarray, residuals: Residuals
    ) -> tuple[np.ndarray, np.ndarray]:
        """(pairs,) float32 effects by least squares on what all other pairs leave unexplained, and their variances."""
        source, targets = here
        power = np.maximum(self._powers(source, targets), 1e-3 * self.power[source])
        estimate = residuals.product(source, places) / power + self.pairs.probability[here] * self.pairs.mean[here]
        return estimate.astype(np.float32), (self.inflation[source] * self.noise[targets] / power).astype(np.float32)

    def _powers(self, source: int | slice, targets: np.ndarray | slice) -> np.ndarray:
        """Sums of squares of signals as targets may use them: without nuisance, and without what is left out."""
        here = source, targets
        whole = self.power[source] if isinstance(source, int) else self.power[source, None]
        powers: np.ndarray = whole - self.overlap[here] ** 2
        if self.left_out is not None:
            share = self.left_out.share[here]
            powers = powers + share * (share * self.left_power[targets] - 2 * self.cross[here])
        return powers

    def by_scale(self) -> np.ndarray:
        """(SHAPES, SCALES, pairs) log Bayes factors of the prior's pairs for several distributions of real effects.

        Those of pairs that are no candidates stay as they are.
        """
        mixtures = [shape(self.scale * part) for shape in SHAPES for part in SCALES]
        found = np.repeat(self.pairs.log_odds[None], len(mixtures), axis=0)
        for block in self.blocks:
            residuals, active = self._residuals(block), (self.candidates & self.prior)[:, block]
            for source in np.flatnonzero(active.any(axis=1)).tolist():
                places = np.flatnonzero(active[source])
                here = source, block.start + places
                estimates = self._estimate(here, places, residuals)
                for k, mixture in enumerate(mixtures):
                    found[(k, *here)] = _evidence(*estimates, mixture).log_odds
        return found[:, self.prior].reshape(len(SHAPES), len(SCALES), -1)

    def _believe_the_prior(self) -> None:
        """Begin with what the prior explains, by ridge regression."""
        for target in range(self.candidates.shape[1]):
            known = np.flatnonzero(self.prior[:, target] & self.candidates[:, target])
            self.pairs.mean[known, target] = self._ridge(known, target)
            self.pairs.probability[known, target] = 0.95
        self.pairs.square = self.pairs.probability * self.pairs.mean**2

    def _ridge(self, known: np.ndarray, target: int) -> np.ndarray:
        """(known,) effects of these regulators on a target, all at once."""
        ridge = np.eye(len(known)) * self.noise[target] / (2 * self.scale**2)
        products = self.signals[:, known].T @ self.responses[:, target]
        own = self.overlap[known, target].astype(np.float64)
        gram = self.gram[np.ix_(known, known)] - np.outer(own, own) + ridge
        if self.left_out is not None:
            residual, share = self.left_out.residual[:, target], self.left_out.share[known, target]
            products -= share * (residual @ self.responses[:, target])
            crossed = np.outer(share, self.cross[known, target])
            gram += np.outer(share, share) * self.left_power[target] - crossed - crossed.T
        found: np.ndarray = np.linalg.solve(gram, products)
        return found

    def _residuals(self, targets: slice) -> Residuals:
        left, overlap, left_out = self._unexplained(targets), self.overlap[:, targets], None
        if self.left_out is not None:
            left_out = LeftOut(self.left_out.residual[:, targets], self.left_out.share[:, targets])
        if self.by_sample:
            return BySample(self.signals, left, self.own[:, targets], overlap, left_out)
        if left_out is None:
            return ByProduct(self.gram, self.signals.T @ left, overlap, overlap)
        own, crossed = (left_out.residual * left).sum(axis=0), left_out._replace(residual=self.cross[:, targets])
        power = self.left_power[targets]
        return ByProduct(self.gram, self.signals.T @ left, overlap, overlap, crossed, own, power)

    def _unexplained(self, targets: slice) -> np.ndarray:
        """(N, targets) what the effects leave of the responses."""
        effect = self.pairs.effect(targets)
        left = self.responses[:, targets] - self.signals @ effect
        if self.left_out is not None:
            left += self.left_out.residual[:, targets] * (self.left_out.share[:, targets] * effect).sum(axis=0)
        return self._without_own(left, targets)

    def _without_own(self, values: np.ndarray, targets: slice) -> np.ndarray:
        own = self.own[:, targets]
        return values - own * (own * values).sum(axis=0)

    def _estimate_noise(self, targets: slice) -> None:
        """By what the effects leave unexplained, how uncertain they are, and how alike rows of a trajectory are."""
        effect = self.pairs.effect(targets)
        residuals = self._unexplained(targets)
        squares = (residuals**2).sum(axis=0)
        power = self._powers(slice(None), targets)
        spread = (power * np.maximum(self.pairs.square[:, targets] - effect**2, 0)).sum(axis=0)
        design = ((self.members @ residuals) ** 2).sum(axis=0) / np.maximum(squares, 1e-12)
        self.noise[targets] = np.maximum(design, 1) * (squares + spread) / len(self.signals) + 1e-9

    def _estimate_inflation(self, left_out: LeftOut) -> None:
        """By how much squares of estimates over their variances are too large for regulators without effect.

        Most pairs outside of the prior are no edges, those that were cut among them. Where the median of a regulator's
        is above that of the chi-squared distribution, its signal is like something that the regression misses.
        """
        squares = np.full(self.candidates.shape, np.nan, dtype=np.float32)
        for block in self.blocks:
            left = self._unexplained(block)
            products = self.signals.T @ left
            products -= left_out.share[:, block] * (left_out.residual[:, block] * left).sum(axis=0)
            power = np.maximum(self._powers(slice(None), block), 1e-3 * self.power[:, None])
            estimates = products / power + self.pairs.effect(block)
            squares[:, block] = estimates**2 * power / self.noise[block]
        squares[self.prior | ~self.possible] = np.nan
        self.inflation = np.maximum(_inflations(squares), 1)

    def _estimate_shares(self) -> None:
        """The Laplace scale, the reliability of the prior and the novelty, by the pairs as they stand."""
        self.scale = self.pairs.scale()
        if self.prior.any():
            self.reliable = _share(self.pairs.log_odds[self.prior]).value
        others = ~self.prior
        self.novel = float((self.pairs.probability[others].sum() + 1) / (others.sum() + 2))


def _inflations(squares: np.ndarray) -> np.ndarray:
    """(regulators,) median of each row over that of the chi-squared distribution, shrunk towards that of all.

    Args:
        squares: (regulators, targets) NaN for what does not count.
    """
    known = ~np.isnan(squares)
    number = known.sum(axis=1)
    if not number.any():
        return np.ones(len(squares))
    whole = math.log(max(float(np.median(squares[known])), 1e-6) / _CHI_SQUARED)
    found = np.full(len(squares), whole)
    some = number > 0
    found[some] = np.log(np.maximum(np.nanmedian(squares[some], axis=1), 1e-6) / _CHI_SQUARED)
    weight = number / (number + _LIKE_ALL)
    shrunk: np.ndarray = np.exp(whole + (found - whole) * weight)
    return shrunk


def _without_nuisance(left_out: LeftOut, own: np.ndarray) -> LeftOut:
    residual = left_out.residual - own * (own * left_out.residual).sum(axis=0)
    return LeftOut(residual, left_out.share)


class _Uneven(_Ascent):
    """The same where rows do not say the same of every target; `weighing` has what is summed over them."""

    def __init__(
        self,
        rows: Rows,
        prior: np.ndarray,
        candidates: np.ndarray,
        log_odds: np.ndarray | float,
        relative: np.ndarray | None = None,
    ) -> None:
        assert rows.uneven is not None
        assert rows.left_out is None
        self.relative, self.left_out = relative, None
        self.prior, self.candidates = prior, candidates
        self.weighing = Weighing(rows.signals, rows.responses, rows.own, rows.trajectory, rows.uneven)
        self._begin(log_odds)
        self._learn_noise()

    def sweep(self, everything: bool) -> None:
        super().sweep(everything)
        self._learn_noise()

    def _estimate(
        self, here: tuple[int, np.ndarray], places: np.ndarray, residuals: Residuals
    ) -> tuple[np.ndarray, np.ndarray]:
        power = self.weighing.power[here]
        estimate = residuals.product(here[0], places) / power + self.pairs.probability[here] * self.pairs.mean[here]
        return estimate.astype(np.float32), (1 / power).astype(np.float32)

    def _ridge(self, known: np.ndarray, target: int) -> np.ndarray:
        return self.weighing.ridge(known, target, 1 / (2 * self.scale**2))

    def _residuals(self, targets: slice) -> Residuals:
        return ByPrecision(self.weighing, self.pairs.effect(targets), targets)

    def _estimate_noise(self, targets: slice) -> None:
        """That of all targets is learned together, once a sweep is over."""

    def _learn_noise(self) -> None:
        self.weighing.learn_noise(self.pairs.effect(slice(None)), self.pairs.square)


def _blocks(regulators: int, targets: int) -> list[slice]:
    """All targets, in parts of at most _BLOCK pairs."""
    step = max(_BLOCK // max(regulators, 1), 1)
    return [slice(first, min(first + step, targets)) for first in range(0, targets, step)]


def _evidence(estimate: np.ndarray, error: np.ndarray, mixture: Mixture) -> _Evidence:
    """What estimated effects say, if real ones come from a mixture of normal distributions.

    Args:
        estimate: (pairs,) float32 effects by least squares.
        error: (pairs,) float32, their variances.
        mixture: columns (components, 1) float32.
    """
    variances, weights = mixture
    total = error + variances  # (components, pairs), as all until the sums
    shrunk = variances / total
    terms = weights + 0.5 * (np.log(error / total) + estimate**2 / error * shrunk)
    largest = terms.max(axis=0)
    share = np.exp(terms - largest)
    sums = share.sum(axis=0)
    share /= sums
    return _Evidence(
        log_odds=largest + np.log(sums),
        mean=(share * shrunk).sum(axis=0) * estimate,
        square=(share * (shrunk * error + (shrunk * estimate) ** 2)).sum(axis=0),
        variance=(share * variances).sum(axis=0),
    )


def _reliability(log_bayes_factors: np.ndarray, relative: np.ndarray | None = None) -> tuple[Share, np.ndarray]:
    """The share of edges among the prior's pairs, if it is as uncertain as the distribution of real effects.

    Every share is as likely beforehand as any other, and every one of SCALES. Where effects are too weak to be seen, a
    smaller scale explains them as well as a smaller share does, so that the share stays open. SHAPES count alike
    whatever the data say, as a regression that misses other things is no judge of how small effects can be.

    Args:
        log_bayes_factors: (SHAPES, SCALES, pairs).
        relative: (pairs,) by how much the log-odds of each differ beforehand from those of the share.

    Returns:
        Median and 95 % interval of the share; and (pairs,) log Bayes factors over all shapes, scales and shares, those
        that with the median, and what was known beforehand, give each pair's probability.
    """
    logit = np.linspace(-8, 8, 161)
    shapes, scales, pairs = log_bayes_factors.shape
    factors = np.moveaxis(log_bayes_factors, -1, 0).astype(np.float64)[..., None]  # (pairs, SHAPES, SCALES, 1)
    before = np.zeros(pairs) if relative is None else relative
    own = logit + before[:, None, None, None]
    fit = np.tile(np.log(expit(logit) * expit(-logit)), (shapes, scales, 1)) - np.logaddexp(0, own).sum(axis=0)
    parts = [slice(first, first + _AT_ONCE) for first in range(0, pairs, _AT_ONCE)]
    for part in parts:
        after, small = _after(factors[part], own[part])
        fit += np.maximum(after, 0).sum(axis=0) + np.log((1 + small).prod(axis=0))  # of logarithms of 1 + exp(after)
    fit -= logsumexp(fit, axis=(1, 2), keepdims=True) + math.log(shapes)
    weight = np.exp(fit).sum(axis=(0, 1))
    low, middle, high = np.interp([0.025, 0.5, 0.975], np.cumsum(weight) - weight / 2, logit)
    log_odds = np.empty(pairs)
    for part in parts:
        after, small = _after(factors[part], own[part])
        real, none = fit + np.minimum(after, 0), fit - np.maximum(after, 0)
        log_odds[part] = _log_sum(real, 1 + small) - _log_sum(none, 1 + small)
    return Share(*(float(expit(x)) for x in (middle, low, high))), log_odds - middle - before


def _after(factors: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of log Bayes factors and log-odds, and exp(-|sum|), for which the exponential of each sum is not needed."""
    with np.errstate(over="ignore", divide="ignore"):
        odds = np.exp(factors) * np.exp(own)
        return factors + own, np.minimum(odds, 1 / odds)


def _log_sum(x: np.ndarray, over: np.ndarray) -> np.ndarray:
    """(rows,) logarithms of each row's sum of exp(x) / over, of all other dimensions; -inf where all x are."""
    largest = np.maximum(x.max(axis=(1, 2, 3), keepdims=True), np.finfo(np.float64).min)
    with np.errstate(divide="ignore"):
        found: np.ndarray = np.log((np.exp(x - largest) / over).sum(axis=(1, 2, 3)))
    return found + largest[:, 0, 0, 0]


def _share(log_bayes_factors: np.ndarray, relative: np.ndarray | float = 0.0) -> Share:
    """The share π of edges that maximises π (1 - π) Π (π_i BF_i + 1 - π_i), which keeps it inside (0, 1).

    Args:
        log_bayes_factors: (pairs,) log BF.
        relative: (pairs,) logit π_i - logit π.
    """
    parts = [slice(first, first + _BLOCK) for first in range(0, len(log_bayes_factors), _BLOCK)]

    def cost(x: float) -> float:
        found = -_log_odds_parts(x)[0] - _log_odds_parts(x)[1]
        for part in parts:
            own = x + (relative[part].astype(np.float64) if isinstance(relative, np.ndarray) else relative)
            real, none = _log_odds_parts(own)
            found -= np.logaddexp(log_bayes_factors[part].astype(np.float64) + real, none).sum()
        return float(found)

    best = float(minimize_scalar(cost, bounds=(-16, 10), method="bounded").x)
    curvature = (cost(best + 0.02) - 2 * cost(best) + cost(best - 0.02)) / 0.02**2
    error = 1.96 / math.sqrt(max(curvature, 1e-6))
    value, low, high = expit([best, best - error, best + error])
    return Share(float(value), float(low), float(high))


def _log_odds_parts(x: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of a probability and of its complement, from its log-odds."""
    return -np.logaddexp(0, -np.asarray(x)), -np.logaddexp(0, x)


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
