"""The posterior probability of edges."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, logsumexp
from scipy.stats import beta, norm

from dashprune.evidence import posterior as evidence
from dashprune.evidence.posterior import _Ascent, _inflations, _reliability, _share, posterior
from dashprune.evidence.residuals import LeftOut
from dashprune.evidence.sizes import SHAPES, Mixture, every_size, laplace, normal
from dashprune.pruners.smoothing import Regression


def rows(
    signals: np.ndarray, responses: np.ndarray, trajectory: np.ndarray, own: np.ndarray | None = None
) -> Regression:
    """A regression of live genes, whose responses depend on nothing else but, if it is given, `own`."""
    own = np.zeros_like(responses) if own is None else own
    return Regression(signals, responses, trajectory, np.ones(responses.shape[1], dtype=bool), own)


class Planted:
    """A sparse regression with two regulators for each of `genes` targets, and what is known of it.

    Attributes:
        truth: (genes, genes) bool, the edges, none from a gene to itself.
        prior: the truth, of which one in ten was moved.
        shuffled: as many pairs at random.
    """

    def __init__(self, samples: int, genes: int = 20, noise: float = 0.5, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.candidates = ~np.eye(genes, dtype=bool)
        order = random.random((genes, genes)) + 2 * np.eye(genes)
        self.truth = order <= np.sort(order, axis=0)[1]
        sizes = random.uniform(0.3, 0.8, (genes, genes)) * random.choice([-1, 1], (genes, genes))
        self.effects = np.where(self.truth, sizes, 0.0)
        signals = random.standard_normal((samples, genes))
        self.signals = signals - signals.mean(axis=0)
        responses = self.signals @ self.effects + noise * random.standard_normal((samples, genes))
        self.responses = responses - responses.mean(axis=0)
        self.trajectory = np.arange(samples)
        self.prior = self.truth.copy()
        moved = len(np.argwhere(self.truth)) // 10
        for pairs, value in ((self.truth, False), (self.candidates & ~self.truth, True)):
            places = np.argwhere(pairs)
            self.prior[tuple(places[random.choice(len(places), moved, replace=False)].T)] = value
        places = np.argwhere(self.candidates)
        self.shuffled = np.zeros_like(self.truth)
        self.shuffled[tuple(places[random.choice(len(places), self.truth.sum(), replace=False)].T)] = True

    @property
    def rows(self) -> Regression:
        """All samples, each a trajectory of its own."""
        return rows(self.signals, self.responses, self.trajectory)

    def wrong(self, prior: np.ndarray) -> int:
        """How many pairs are called wrongly by the more probable of edge and none."""
        found = posterior(self.rows, prior, self.candidates)
        return int(((found.probability > 0.5) != self.truth).sum())


def test_a_planted_network_is_found_without_a_prior() -> None:
    planted = Planted(samples=300)
    found = posterior(planted.rows, np.zeros_like(planted.truth), planted.candidates)
    assert ((found.probability > 0.5) != planted.truth).sum() <= 3
    assert np.abs(found.effect - planted.effects).max() < 0.2
    assert found.novelty.low < 40 / 400 < found.novelty.high
    assert found.scale == pytest.approx(np.abs(planted.effects[planted.truth]).mean(), rel=0.3)


def test_edges_that_a_reliable_prior_lacks_are_found_too() -> None:
    planted = Planted(samples=300)
    found = posterior(planted.rows, planted.prior, planted.candidates)
    assert (found.probability[planted.truth] > 0.5).all()
    assert (found.probability[~planted.truth & ~planted.prior] < 0.5).all()
    assert ((found.probability >= 0) & (found.probability <= 1)).all()


def test_the_reliability_of_a_prior_is_estimated() -> None:
    """Nine in ten of one prior's edges are real; of the other's, as many as by chance, one in ten."""
    planted = Planted(samples=300)
    good = posterior(planted.rows, planted.prior, planted.candidates)
    assert (planted.truth & planted.prior).sum() / planted.prior.sum() == 0.9
    assert good.reliability.low < 0.9 < good.reliability.high
    assert good.reliability.low > 0.6
    bad = posterior(planted.rows, planted.shuffled, planted.candidates)
    real = (planted.truth & planted.shuffled).sum() / planted.shuffled.sum()
    assert bad.reliability.low < real < bad.reliability.high
    assert bad.reliability.value < 0.3
    assert good.novelty.value < bad.novelty.value


def test_a_reliable_prior_helps_where_data_are_few_and_a_bad_one_does_no_harm() -> None:
    planted = Planted(samples=40, noise=1.0)
    without = planted.wrong(np.zeros_like(planted.truth))
    assert planted.wrong(planted.prior) < 0.6 * without
    assert planted.wrong(planted.shuffled) <= without + 3


def test_what_is_known_of_the_prior_s_own_pairs_moves_them() -> None:
    """Half of a prior's edges are real; by who knows which, fewer are called wrongly. The reliability stays."""
    planted = Planted(samples=30, noise=1.0)
    prior = planted.truth | planted.shuffled
    relative = (np.where(planted.truth, 1.0, -1.0) * prior).astype(np.float16)
    plain, told = (posterior(planted.rows, prior, planted.candidates, relative=given) for given in (None, relative))
    wrong = [int(((found.probability > 0.5) != planted.truth).sum()) for found in (plain, told)]
    assert wrong[1] < 0.8 * wrong[0]
    assert told.reliability.low < prior[planted.truth].sum() / prior.sum() < told.reliability.high


def test_a_reliable_prior_decides_where_the_data_cannot_and_the_data_where_they_can() -> None:
    """Nothing was seen of gene 0; and gene 1 was seen to have no effect on genes 2 and 3, though the prior says so."""
    planted = Planted(samples=1000, noise=0.1)
    planted.signals[:, 0] = 0
    effects = planted.effects.copy()
    effects[1, 2:4] = 0
    noise = np.random.default_rng(1).standard_normal(planted.responses.shape)
    responses = planted.signals @ effects + 0.1 * (noise - noise.mean(axis=0))
    prior = planted.truth.copy()
    prior[0, 5] = prior[1, 2:4] = True
    prior[0, 6] = False
    found = posterior(rows(planted.signals, responses, planted.trajectory), prior, planted.candidates)
    assert found.reliability.value > 0.8
    assert found.probability[0, 5] > 0.8
    assert found.probability[0, 6] < 0.05
    assert (found.probability[1, 2:4] < 0.6).all()  # effects of every size may be real, also those of a hundredth
    assert (found.log_odds[1, 2:4] < -2).all()


def test_pairs_that_are_no_candidates_are_no_edges() -> None:
    planted = Planted(samples=100)
    candidates = planted.candidates.copy()
    candidates[:, ::2] = False
    found = posterior(planted.rows, planted.prior, candidates)
    assert (found.probability[~candidates] == 0).all()
    assert (found.effect[~candidates] == 0).all()
    assert found.probability[candidates & planted.truth].max() > 0.9


def test_what_was_known_of_pairs_that_were_cut_counts_for_the_reliability() -> None:
    """Half of the prior is cut; the more the data spoke for it, the more of the prior is real."""
    planted = Planted(samples=100)
    candidates = planted.candidates.copy()
    candidates[:, ::2] = False
    found = [posterior(planted.rows, planted.prior, candidates, log_odds) for log_odds in (-9.0, 0.0, 9.0)]
    shares = [each.reliability.value for each in found]
    assert shares[0] < 0.6 < 0.8 < shares[1] < shares[2]
    for each, log_odds in zip(found, (-9.0, 0.0, 9.0), strict=True):
        assert (each.log_odds[~candidates] == log_odds).all()
        assert (each.probability[~candidates] == 0).all()


def test_few_samples_and_blocks_of_targets_change_only_the_order_of_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = Planted(samples=15)
    own = np.random.default_rng(1).standard_normal(planted.responses.shape)
    regression = rows(planted.signals, planted.responses, np.arange(15) // 3, own - own.mean(axis=0))
    arguments = (regression, planted.prior, planted.candidates, -math.inf)
    state, other = _Ascent(*arguments), _Ascent(*arguments)
    monkeypatch.setattr(evidence, "_BLOCK", 7 * 20)
    third = _Ascent(*arguments)
    assert state.by_sample
    other.by_sample = False
    assert (len(state.blocks), len(third.blocks)) == (1, 3)
    for everything in (True, True, False):
        for ascent in (state, other, third):
            ascent.sweep(everything)
    for ascent in (other, third):
        np.testing.assert_allclose(ascent.pairs.probability, state.pairs.probability, atol=1e-5)
        np.testing.assert_allclose(ascent.pairs.log_odds, state.pairs.log_odds, atol=1e-4)
        np.testing.assert_allclose(ascent.noise, state.noise, atol=1e-5)
        assert ascent.scale == pytest.approx(state.scale)
        assert ascent.reliable == pytest.approx(state.reliable)


def test_rows_of_a_trajectory_that_repeat_one_another_say_no_more_than_one_of_them() -> None:
    planted = Planted(samples=40, noise=1.0)
    signals, responses, trajectory = (np.repeat(each, 4, axis=0) for each in planted.rows[:3])
    once = posterior(planted.rows, planted.prior, planted.candidates)
    together = posterior(rows(signals, responses, trajectory), planted.prior, planted.candidates)
    np.testing.assert_allclose(together.probability, once.probability, atol=0.02)
    assert together.scale == pytest.approx(once.scale, rel=0.02)
    apart = posterior(rows(signals, responses, np.arange(160)), planted.prior, planted.candidates)
    assert (apart.probability[~planted.truth] > 0.5).sum() > 3 * (once.probability[~planted.truth] > 0.5).sum()


@pytest.mark.parametrize("signal", [0.0, 1.0])
@pytest.mark.parametrize("response", [0.0, 1.0])
@pytest.mark.parametrize("candidates", ["all", "one", "none"])
def test_degenerate_data_give_probabilities(signal: float, response: float, candidates: str) -> None:
    planted = Planted(samples=30, genes=6)
    allowed = {"all": planted.candidates, "one": np.zeros((6, 6), dtype=bool), "none": np.zeros((6, 6), dtype=bool)}
    allowed["one"][0, 1] = True
    for prior in (planted.prior, np.zeros((6, 6), dtype=bool)):
        given = rows(signal * planted.signals, response * planted.responses, np.arange(30) // 3)
        found = posterior(given, prior, allowed[candidates])
        assert ((found.probability >= 0) & (found.probability <= 1)).all()
        assert (found.probability[~allowed[candidates]] == 0).all()
        assert np.isfinite(found.effect).all()
        for share in (found.reliability, found.novelty):
            assert 0 < share.low < share.value < share.high < 1


def test_the_evidence_of_a_single_pair_is_its_bayes_factor() -> None:
    """Against the integral of likelihood ratio times Laplace density, for a small and a large estimated effect."""
    signals = np.array([[-1.0], [1], [-1], [1], [-1], [1], [-1], [1]])
    for effect in (0.05, 0.6):
        responses = effect * signals
        pair = np.ones((1, 1), dtype=bool)
        state = _Ascent(rows(signals, responses, np.arange(8)), ~pair, pair, -math.inf)
        state.scale, state.noise = 0.3, np.array([0.08])  # so that the standard error of the effect is 0.1
        state.sweep(everything=True)

        def integrand(beta: float, effect: float = effect) -> float:
            likelihood = math.exp((effect**2 - (beta - effect) ** 2) / (2 * 0.1**2))
            return likelihood * math.exp(-abs(beta) / 0.3) / 0.6

        exact = math.log(quad(integrand, -3, 3, points=[0, effect])[0])
        assert state.pairs.log_odds[0, 0] == pytest.approx(exact, abs=0.05)


def test_the_mixture_is_nearly_a_laplace_distribution() -> None:
    variances, logs = laplace(0.3)
    weights = np.exp(logs)
    assert weights.sum() == pytest.approx(1)
    for size in (0.01, 0.1, 0.5, 1, 2, 4):  # in units of the mean size
        density = (weights * np.exp(-((0.3 * size) ** 2) / (2 * variances)) / np.sqrt(2 * np.pi * variances)).sum()
        assert density == pytest.approx(math.exp(-size) / 0.6, rel=0.1)
    assert (weights * np.sqrt(2 * variances / np.pi)).sum() == pytest.approx(0.3, rel=0.03)


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_distributions_that_grow_with_their_scale(shape: Callable[[float], Mixture]) -> None:
    small, large = shape(0.1), shape(0.2)
    assert np.exp(small.weights).sum() == pytest.approx(1)
    np.testing.assert_allclose(large.variances, 4 * small.variances, rtol=1e-5)


def test_shapes_differ_in_how_many_effects_are_too_small_to_be_seen() -> None:
    """Share of effects below a twentieth of the mean size; of a normal distribution 2 Φ(0.05 √(2/π)) - 1."""

    def unseen(shape: Callable[[float], Mixture]) -> float:
        variances, logs = shape(1.0)
        size = float((np.exp(logs) * np.sqrt(2 * variances / np.pi)).sum())
        return float((np.exp(logs) * (2 * norm.cdf(0.05 * size / np.sqrt(variances)) - 1)).sum())

    assert unseen(normal) == pytest.approx(0.0318, abs=1e-3)
    assert unseen(laplace) == pytest.approx(1 - math.exp(-0.05), abs=0.01)
    assert unseen(every_size) > 0.2


@pytest.mark.parametrize(("real", "other"), [(8, 0), (0, 8), (3, 5), (0, 0)])
def test_a_share_by_hand(real: int, other: int) -> None:
    """Where evidence is beyond doubt, π^(real + 1) (1 - π)^(other + 1) is largest at (real + 1) / (n + 2).

    The second derivative of its logarithm by logit π is then (n + 2) π (1 - π).
    """
    share = _share(np.array([60.0] * real + [-60.0] * other))
    value = (real + 1) / (real + other + 2)
    assert share.value == pytest.approx(value, abs=1e-5)
    error = 1.96 / math.sqrt((real + other + 2) * value * (1 - value))
    ends = [1 / (1 + math.exp(-(math.log(value / (1 - value)) + sign * error))) for sign in (-1, 1)]
    assert [share.low, share.high] == pytest.approx(ends, abs=1e-4)


def test_evidence_that_says_nothing_leaves_a_share_open() -> None:
    assert _share(np.zeros(50)) == pytest.approx(_share(np.empty(0)), abs=1e-4)


def test_what_a_target_makes_of_its_own_state_is_no_edge() -> None:
    """Each response also follows its own state, which is like a regulator that it does not have."""
    planted = Planted(samples=300)
    random = np.random.default_rng(1).standard_normal(planted.responses.shape)
    own = np.roll(planted.signals, 1, axis=1) + 0.5 * (random - random.mean(axis=0))
    misled = posterior(
        rows(planted.signals, planted.responses + own, planted.trajectory), planted.prior, planted.candidates
    )
    aware = rows(planted.signals, planted.responses + own, planted.trajectory, own)
    found = posterior(aware, planted.prior, planted.candidates)
    outside = ~planted.truth & ~planted.prior
    assert (misled.probability[outside] > 0.5).sum() > 5
    assert (found.probability[outside] > 0.5).sum() <= 1
    assert (found.probability[planted.truth] > 0.5).mean() > 0.9


@pytest.mark.parametrize(("real", "other"), [(8, 0), (0, 8), (3, 5), (0, 0)])
def test_the_reliability_by_hand(real: int, other: int) -> None:
    """Where evidence is beyond doubt at every scale, it is that of a share of which n were drawn: Beta's quantiles."""
    share, log_odds = _reliability(np.tile([60.0] * real + [-60.0] * other, (2, 3, 1)))
    expected = beta(real + 1, other + 1).ppf([0.5, 0.025, 0.975])
    np.testing.assert_allclose(share, expected, atol=0.01)
    assert (np.abs(log_odds) > 40).all()


@pytest.mark.parametrize("size", [1.0, 30.0, 2000.0])
def test_the_reliability_equals_its_formula(size: float) -> None:
    """Also where a Bayes factor is no number of double precision, or 0, and where pairs differ beforehand."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((3, 10, 19)).astype(np.float32) * size
    factors[:, :, 4] = -np.inf
    before, logit = rng.standard_normal(19), np.linspace(-8, 8, 161)
    own = logit + before[:, None]
    real, none = -np.logaddexp(0, -own), -np.logaddexp(0, own)
    fit = np.logaddexp(factors[..., None].astype(np.float64) + real, none).sum(axis=2)
    fit += np.log(expit(logit)) + np.log(expit(-logit))
    fit -= logsumexp(fit, axis=(1, 2), keepdims=True)
    after = factors[..., None] + own
    both = [logsumexp(fit[:, :, None] - np.logaddexp(0, sign * after), axis=(0, 1, 3)) for sign in (-1, 1)]
    share, log_odds = _reliability(factors, before)
    np.testing.assert_allclose(log_odds, both[0] - both[1] - math.log(share.value / (1 - share.value)) - before, 1e-9)
    shares = np.cumsum(np.exp(fit).sum(axis=(0, 1)) / 3)
    assert np.interp(np.log(share.high / (1 - share.high)), logit, shares) == pytest.approx(0.975, abs=0.05)
    assert log_odds[4] == -np.inf


def test_without_evidence_a_pair_of_the_prior_has_the_odds_it_had_beforehand() -> None:
    """log BF is then 0 at every share, but for how uncertain the share is."""
    relative = np.array([np.log(2.0), -np.log(2.0)] + [0.0] * 60)
    evidence = np.tile([0.0, 0.0] + [60.0] * 30 + [-60.0] * 30, (1, 1, 1))
    share, log_odds = _reliability(evidence, relative)
    assert share.value == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(log_odds[:2], 0, atol=0.02)


def test_evidence_that_a_smaller_scale_explains_leaves_the_reliability_open() -> None:
    """20 pairs that real effects of usual size would contradict, and those of a small one would not."""
    contradicted, _ = _reliability(np.full((1, 1, 20), -5.0))
    either, log_odds = _reliability(np.stack([np.full(20, 0.0), np.full(20, -5.0)])[None])
    assert contradicted.high < 0.2
    assert either.high > 0.9
    assert (log_odds > -1).all()


def test_where_nothing_can_be_seen_a_prior_is_not_contradicted() -> None:
    """Responses are noise: each pair speaks a little against an edge of usual size, and none against a tiny one."""
    rng = np.random.default_rng(0)
    signals, responses = rng.standard_normal((2, 100, 60))
    candidates = ~np.eye(60, dtype=bool)
    prior = candidates & (rng.random((60, 60)) < 0.5)
    data = rows(signals - signals.mean(axis=0), responses - responses.mean(axis=0), np.arange(100))
    found = posterior(data, prior, candidates).reliability
    assert found.low < 0.05
    assert found.value > 0.4
    assert found.high > 0.95


def test_a_shape_that_the_data_like_less_counts_as_much_as_the_others() -> None:
    """By one shape all 20 pairs are real, by the other none, which explains the data e^40 times better."""
    share, _ = _reliability(np.stack([np.full((1, 20), 2.0), np.full((1, 20), -60.0)]))
    assert share.low < 0.1
    assert share.high > 0.9


def test_a_pair_of_the_prior_does_not_prove_itself_by_an_activity_that_its_target_is_part_of() -> None:
    """Targets are noise; the signal is the mean of three of them, which the prior joins to it."""
    rng = np.random.default_rng(0)
    responses = rng.standard_normal((60, 40))
    responses /= np.sqrt((responses**2).mean(axis=0))
    network = np.zeros((1, 40))
    network[0, :3] = 1
    signal = responses[:, :3].mean(axis=1, keepdims=True)
    prior, candidates = network != 0, np.ones((1, 40), dtype=bool)
    proud = posterior(rows(signal, responses, np.arange(60)), prior, candidates)
    left_out = LeftOut(responses, network / 3)
    honest = posterior(rows(signal, responses, np.arange(60))._replace(left_out=left_out), prior, candidates)
    assert proud.log_odds[prior].min() > 4
    assert honest.log_odds[prior].max() < 1


def test_what_is_known_of_single_pairs_beforehand_moves_their_odds() -> None:
    planted = Planted(samples=30)
    nothing = np.zeros_like(planted.truth)
    relative = np.zeros(planted.truth.shape, dtype=np.float16)
    relative[3] = 2.0
    before, after = (
        posterior(planted.rows, nothing, planted.candidates, relative=given).probability for given in (None, relative)
    )
    open_ = planted.candidates & (before > 0.001) & (before < 0.5)
    odds = np.log(after[open_] / (1 - after[open_])) - np.log(before[open_] / (1 - before[open_]))
    rows = np.nonzero(open_)[0]
    assert np.median(odds[rows == 3]) > 1
    assert np.median(odds[rows != 3]) < 0.6


def test_a_signal_that_is_like_what_the_regression_misses_says_less() -> None:
    rng = np.random.default_rng(0)
    squares = rng.chisquare(1, size=(20, 400))
    squares[4] *= 6
    squares[0, :10] = np.nan
    found = _inflations(squares)
    assert found[4] == pytest.approx(6**0.8, rel=0.3)  # 400 targets of its own against 100 like all
    np.testing.assert_allclose(np.delete(found, 4), 1, atol=0.3)
    np.testing.assert_array_equal(_inflations(np.full((3, 5), np.nan)), 1)
