"""Rows that do not say the same of every target: held genes, changed production and steady states."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import polygamma

from dashprune.data.interventions import nothing
from dashprune.evidence.posterior import posterior
from dashprune.evidence.uneven import ByPrecision, Raw, Rows, Uneven, Weighing, _inverse_trigamma, regression, shared

RANDOM = np.random.default_rng(0)


def even(rows: Rows, weight: np.ndarray) -> Rows:
    """The rows as they are, with their weights in the place of the own state, so that a test can see them."""
    return rows._replace(own=np.repeat(weight[:, None], rows.own.shape[1], axis=1))


def raw(samples: int, genes: int = 3) -> Rows:
    signals, responses, own = RANDOM.random((3, samples, genes))
    return Rows(signals, responses, np.arange(samples), own)


def of(values: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Less the mean by share, over the standard deviation by share; 0 where the share is."""
    mean = np.average(values, weights=share)
    spread = np.sqrt(np.average((values - mean) ** 2, weights=share))
    return np.where(share > 0, (values - mean) / spread, 0)


def test_nothing_done_is_what_it_was() -> None:
    rows, weight, steady = raw(6), RANDOM.random(6), np.zeros(6, dtype=bool)
    for done in (None, nothing(6, 3)):
        found = regression(Raw(rows, weight, steady, done), even)
        assert found.uneven is None
        assert found.causal is None
        assert found.responses is not None
        for old, new in zip(even(rows, weight)[:4], found[:4], strict=True):
            assert old.tobytes() == new.tobytes()


def test_an_addition_is_taken_out_of_the_response() -> None:
    """Production J + u over decay is what was seen; every row still says as much of all targets."""
    rows, done = raw(6), nothing(6, 3)
    done.addition[2, 1] = 0.25
    found = regression(Raw(rows, np.ones(6), np.zeros(6, dtype=bool), done), even)
    assert found.uneven is None
    expected = rows.responses.copy()
    expected[2, 1] -= 0.25
    np.testing.assert_allclose(found.responses, expected)


def test_a_held_gene_has_no_response_and_scaled_production_counts_by_its_square() -> None:
    """By hand for gene 1: held in row 0; halved and 0.1 added in row 1, so J = 2 (r - 0.1) with share 1/4."""
    rows, done = raw(6), nothing(6, 3)
    done.held[0, 1], done.factor[1, 1], done.addition[1, 1], done.factor[2, 2] = 0.7, 0.5, 0.1, 0.0
    found = regression(Raw(rows, np.ones(6), np.zeros(6, dtype=bool), done), even)
    assert found.uneven is not None
    share = np.ones((6, 3))
    share[0, 1], share[1, 1], share[2, 2] = 0, 0.25, 0
    np.testing.assert_allclose(found.uneven.share, share)
    response = rows.responses[:, 1].copy()
    response[1] = 2 * (response[1] - np.float32(0.1))
    np.testing.assert_allclose(found.responses[:, 1], of(response, share[:, 1]), atol=1e-7)
    np.testing.assert_allclose(found.responses[:, 0], of(rows.responses[:, 0], share[:, 0]))
    assert found.responses[2, 2] == 0
    np.testing.assert_allclose(found.signals, found.uneven.instruments)  # no steady state


def test_steady_states_with_interventions_are_a_regression_of_their_own() -> None:
    """Rows 4 to 7: the wild type, gene 0 held, gene 2 halved, and the wild type again. Of each only its own moves."""
    rows, done = raw(8), nothing(8, 3)
    steady = np.arange(8) >= 4
    done.held[5, 0], done.factor[6, 2] = 0, 0.5
    found = regression(Raw(rows, np.ones(8), steady, done), even)
    assert found.uneven is None
    assert found.causal is not None
    assert found.causal.uneven is not None
    np.testing.assert_allclose(found.signals, rows.signals[:4])
    usual, seen = np.median(rows.signals[4:], axis=0), rows.signals[4:].copy()
    seen[1, 1:] = usual[1:]
    seen[2, :2] = usual[:2]
    mean, spread = rows.signals[4:].mean(axis=0), rows.signals[4:].std(axis=0)
    np.testing.assert_allclose(found.causal.uneven.instruments, (seen - mean) / spread)
    np.testing.assert_allclose(found.causal.signals, (rows.signals[4:] - mean) / spread)
    assert not found.causal.own.any()  # however fast a gene decays, it is in its steady state


def test_steady_states_in_which_nothing_was_done_have_a_noise_of_their_own() -> None:
    rows, steady = raw(8), np.arange(8) >= 4
    found = regression(Raw(rows, np.ones(8), steady, None), even)
    assert found.causal is None
    assert found.uneven is not None
    assert found.uneven.kind.tolist() == [0] * 4 + [1] * 4
    alone = regression(Raw(rows, np.ones(8), steady | True, None), even)
    assert alone.uneven is not None
    assert not alone.uneven.kind.any()


def weighed() -> tuple[Weighing, np.ndarray, np.ndarray]:
    """Two kinds of rows, of which some say nothing; and the columns of each target that are no regulators."""
    share = np.where(RANDOM.random((12, 4)) < 0.2, 0, RANDOM.random((12, 4)))
    kind, constant = np.repeat([0, 1], 6), RANDOM.random(12)
    signals, own = RANDOM.random((12, 3)), np.where(kind[:, None] == 0, RANDOM.random((12, 4)), 0)
    uneven = Uneven(share, kind, constant, signals)
    weighing = Weighing(signals, RANDOM.random((12, 4)), own, np.arange(12), uneven)
    weighing.set_noise(np.array([[0.5] * 4, [2.0] * 4]))
    columns = [np.stack([constant * (kind == 0), constant * (kind == 1), own[:, j]], axis=1) for j in range(4)]
    return weighing, share / np.where(kind == 0, 0.5, 2.0)[:, None], np.stack(columns)


def test_products_are_those_of_weighted_least_squares() -> None:
    """Against a fit of intercepts, own state and one signal, target by target."""
    weighing, precision, columns = weighed()
    residuals = ByPrecision(weighing, np.zeros((3, 4)), slice(None))
    everything = np.arange(4)
    for signal in range(3):
        found = residuals.product(signal, everything) / weighing.power[signal]
        for target in range(4):
            root = np.sqrt(precision[:, target])
            design = np.column_stack([weighing.signals[:, signal], columns[target]]) * root[:, None]
            expected = np.linalg.lstsq(design, weighing.responses[:, target] * root, rcond=None)[0][0]
            assert found[target] == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("places", [[1], [0, 1, 2, 3]])
def test_what_is_explained_is_taken_out(places: list[int]) -> None:
    """Kept up to date or computed anew, it is the same."""
    weighing, _, _ = weighed()
    residuals, change = ByPrecision(weighing, np.zeros((3, 4)), slice(None)), np.linspace(0.3, 0.6, len(places))
    residuals.explain(1, np.array(places), change)
    effect = np.zeros((3, 4))
    effect[1, places] = change
    anew = ByPrecision(weighing, effect, slice(None))
    for signal in range(3):
        np.testing.assert_allclose(
            residuals.product(signal, np.arange(4)), anew.product(signal, np.arange(4)), atol=1e-5
        )


def test_what_follows_from_others_is_no_evidence_but_explains() -> None:
    """0 raises 1, and 1 raises 2. That 0 moves 2 is explained by 1; that 2 and 1 move with 0 says nothing of them."""
    random, genes = np.random.default_rng(1), 12
    done, states = nothing(3 * genes + 12, genes), []
    for row in range(3 * genes + 12):
        x = 0.5 + 0.02 * random.standard_normal(genes)
        if row < 3 * genes:
            done.held[row, row % genes] = x[row % genes] = 0
        noise = 0.02 * random.standard_normal(2)
        if row >= 3 * genes or row % genes != 1:
            x[1] = 0.9 * x[0] + noise[0]
        if row >= 3 * genes or row % genes != 2:
            x[2] = 0.9 * x[1] + noise[1]
        states.append(x)
    x = np.array(states)
    rows = Rows(x, x, np.arange(len(x)), x)
    made = regression(Raw(rows, np.ones(len(x)), np.ones(len(x), dtype=bool), done), even)
    candidates = ~np.eye(genes, dtype=bool)
    found = posterior(made, np.zeros_like(candidates), candidates).probability
    assert min(found[0, 1], found[1, 2]) > 0.9
    assert max(found[0, 2], found[1, 0], found[2, 0], found[2, 1]) < 0.1


def test_even_rows_give_nearly_what_they_gave() -> None:
    """Up to the noise of targets being drawn towards each other."""
    random = np.random.default_rng(2)
    signals = random.standard_normal((200, 8))
    effects = np.where(random.random((8, 8)) < 0.2, 0.5, 0) * (1 - np.eye(8))
    responses = signals @ effects + 0.5 * random.standard_normal((200, 8))
    signals, responses = ((x - x.mean(axis=0)) / x.std(axis=0) for x in (signals, responses))
    candidates, prior = ~np.eye(8, dtype=bool), effects != 0
    plain = Rows(signals, responses, np.arange(200), np.zeros((200, 8)))
    kinds = Uneven(np.ones((200, 8)), np.zeros(200, dtype=int), np.ones(200), signals)
    for known in (prior, np.zeros_like(prior)):
        one, other = (posterior(rows, known, candidates) for rows in (plain, plain._replace(uneven=kinds)))
        np.testing.assert_allclose(other.probability, one.probability, atol=0.05)
        np.testing.assert_allclose(other.effect, one.effect, atol=0.02)
        assert other.scale == pytest.approx(one.scale, rel=0.05)


def test_few_residuals_are_drawn_towards_all_and_many_are_not() -> None:
    """Variances that differ only by chance become one; if they do differ, each stays about as it is."""
    random = np.random.default_rng(3)
    alike = (random.standard_normal((5, 400)) ** 2).sum(axis=0)
    np.testing.assert_allclose(shared(alike, np.full(400, 5)), 1, rtol=0.25)
    true = np.geomspace(0.1, 10, 400)
    differing = true * (random.standard_normal((50, 400)) ** 2).sum(axis=0)
    np.testing.assert_allclose(shared(differing, np.full(400, 50)), differing / 50, rtol=0.1, atol=0.05)
    nothing_known = np.append(alike, 0.0)
    assert shared(nothing_known, np.append(np.full(400, 5), 0))[-1] == pytest.approx(1, rel=0.25)


@pytest.mark.parametrize("value", [1e-3, 0.1, 1.0, 30.0])
def test_the_inverse_of_trigamma(value: float) -> None:
    assert polygamma(1, _inverse_trigamma(value)) == pytest.approx(value, rel=1e-6)
