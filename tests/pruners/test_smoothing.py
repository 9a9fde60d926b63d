"""Smoothing, and the regression of production on signals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dashprune.data.interventions import nothing
from dashprune.data.problem import Split, with_steady_states
from dashprune.models.phoenix_edge import PhoenixEdge
from dashprune.pruners import smoothing
from dashprune.pruners.smoothing import process_noise, regression, smooth
from dashprune.solvers.etdrk4 import etdrk4

TIMES = np.array([0.0, 1, 3, 4])


@pytest.fixture
def right(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is taken as right, whatever the data say."""
    monkeypatch.setattr(smoothing, "WRONG", (0.0,))


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is taken as wrong."""
    monkeypatch.setattr(smoothing, "WRONG", (1e6,))


def constant(*rates: float) -> PhoenixEdge:
    """Genes with these decay rates that nothing regulates: J = ½ throughout."""
    model = PhoenixEdge(len(rates), multiplier_rate=2.0, recovery=True)
    model.reset_parameters(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for layer in model.layers():
            layer.weight.zero_()
        model.raw_multipliers.copy_(torch.tensor(rates))
    return model


def measured(trajectories: int, times: np.ndarray, genes: int) -> Split:
    """Expression without any order."""
    expression = np.random.default_rng(0).random((trajectories, len(times), genes)).astype(np.float32)
    return Split(expression, np.tile(times, (trajectories, 1)))


@pytest.mark.usefixtures("right")
def test_a_gene_that_neither_decays_nor_is_produced_becomes_its_mean() -> None:
    split = measured(3, TIMES, 2)
    mean = split.expression.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(smooth(constant(0.0, -1.0), split), np.broadcast_to(mean, (3, 4, 2)), atol=1e-6)


@pytest.mark.usefixtures("right")
def test_a_gene_that_forgets_fast_becomes_what_the_model_predicts() -> None:
    """But for its start, of which nothing is known but the measurement."""
    split = measured(3, TIMES, 1)
    states = smooth(constant(12.0), split)
    np.testing.assert_allclose(states[:, 1:], 0.5, atol=1e-4)
    np.testing.assert_allclose(states[:, 0], split.expression[:, 0], atol=1e-4)


@pytest.mark.usefixtures("right")
def test_both_ends_of_a_single_transition_are_the_least_squares_answer() -> None:
    """Minimise (a - 0.1)² + (b - 0.7)² where the model halves the distance to ½: b = (a + ½) / 2.

    It predicts b = 0.3 from 0.1, which is 0.4 too low; so a rises by 0.4 · ½ / (1 + ¼) = 0.16, and b by 0.08.
    """
    split = Split(np.array([[[0.1], [0.7]]], dtype=np.float32), np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(smooth(constant(math.log(2)), split)[0, :, 0], [0.26, 0.38], atol=1e-6)


def test_a_transition_of_a_model_that_is_somewhat_wrong_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """As above with variance ¾ added: that of b before it is measured is ¼ + ¾ = 1, so it is believed as much as 0.3.

    b = (0.3 + 0.7) / 2 = 0.5, and a rises by 0.2 · ½ · 1 / 1.
    """
    monkeypatch.setattr(smoothing, "WRONG", (0.75,))
    split = Split(np.array([[[0.1], [0.7]]], dtype=np.float32), np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(smooth(constant(math.log(2)), split)[0, :, 0], [0.2, 0.5], atol=1e-6)


def test_where_the_model_is_wrong_states_are_as_measured() -> None:
    """Genes stay where they are, but the model has them forget that at once."""
    level = np.random.default_rng(0).random((20, 1, 3)).astype(np.float32)
    split = Split(np.repeat(level, 4, axis=1), np.tile(TIMES, (20, 1)))
    np.testing.assert_allclose(smooth(constant(2.0, 2.0, 2.0), split), split.expression, atol=0.05)


@pytest.mark.parametrize("added", [0.0, 0.3, 3.0])
def test_process_noise_is_recovered(added: float) -> None:
    """Variance that is added within a unit of time, over that of a measurement; decay to ½ at rate log 2."""
    random = np.random.default_rng(0)
    state = 0.5 + 0.3 * random.standard_normal((60, 8))
    states = [state]
    for _ in range(9):
        state = (state + 0.5) / 2 + 0.02 * math.sqrt(added) * random.standard_normal(state.shape)
        states.append(state)
    measured = np.stack(states, axis=1) + 0.02 * random.standard_normal((60, 10, 8))
    split = Split(measured.astype(np.float32), np.tile(np.arange(10.0), (60, 1)))
    rate = math.log(2)
    found = process_noise(constant(*[rate] * 8), split).numpy() * (1 - math.exp(-2 * rate)) / (2 * rate)
    assert (found > 0.6 * added).all()
    assert (found < 1.7 * added + 0.3).all()
    assert np.median(found) < 1.4 * added + 0.1


def test_what_the_model_explains_is_not_changed() -> None:
    split = noise_free(linear(), trajectories=2, times=TIMES / 4)
    np.testing.assert_allclose(smooth(linear(), split), split.expression, atol=1e-4)


@pytest.mark.usefixtures("right")
def test_shorter_trajectories_are_smoothed_by_themselves() -> None:
    model, whole = constant(0.3, 0.0), measured(2, TIMES, 2)
    split = Split.ragged([(whole.expression[0], TIMES), (whole.expression[1, :2], TIMES[:2])])
    states = smooth(model, split)
    assert np.isnan(states[1, 2:]).all()
    np.testing.assert_allclose(states[0], smooth(model, whole)[0], atol=1e-6)
    short = Split(whole.expression[1:, :2], np.tile(TIMES[:2], (1, 1)))
    np.testing.assert_allclose(states[1, :2], smooth(model, short)[0], atol=1e-6)


def linear() -> PhoenixEdge:
    """Drift 0.4 + C s: 0 activates 1 and 2, 1 represses 2, 2 represses 0; all decay at rate 1, but gene 3 is constant.

    Gene 3 activates gene 4, which is otherwise unregulated.
    """
    model = constant(1.0, 1.0, 1.0, 0.0, 1.0)
    with torch.no_grad():
        model.amplitudes.zero_()
        model.sums.bias.fill_(0.4)
        for source, target, weight in ((0, 1, 1.5), (0, 2, 1.0), (1, 2, -1.0), (2, 0, -1.5), (3, 4, 0.8)):
            model.sums.weight[target, source] = weight
    return model


def noise_free(model: PhoenixEdge, trajectories: int, times: np.ndarray) -> Split:
    """What the model does from random starts."""
    state = torch.rand(trajectories, model.genes, generator=torch.Generator().manual_seed(0))
    states = [state]
    with torch.no_grad():
        for dt in np.diff(times):
            step = torch.full((trajectories,), float(dt))
            states.append(etdrk4(model.production, model.decay_rate(), states[-1], step, 20))
    return Split(torch.stack(states, dim=1).numpy(), np.tile(times, (trajectories, 1)))


def standard(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    weighted = weights * (values - np.average(values, weights=weights**2))
    return weighted / np.sqrt((weighted**2).mean())


def test_the_response_to_a_constant_regulator_is_production_itself() -> None:
    """J₄ = 0.4 + 0.8 s(x₃), which does not change; standardised, and less what the gene's own state explains of it."""
    split = noise_free(linear(), trajectories=5, times=TIMES)
    found = regression(linear(), split)
    assert found.signals.shape == found.responses.shape == found.own.shape == (15, 5)
    weights = np.tile(1 - np.exp(-np.diff(TIMES)), 5)
    x = np.repeat(split.expression[:, 0, 3].astype(np.float64), 3)
    low, high = np.quantile(split.expression[:, :, 3], (0.01, 0.99))
    place = np.maximum((x - low) / (high - low), 0)
    np.testing.assert_allclose(found.signals[:, 3], standard(np.log(place + 0.4), weights), atol=1e-4)
    own = standard(split.expression[:, :-1, 4].ravel().astype(np.float64), weights)
    np.testing.assert_allclose(found.own[:, 4], own, atol=1e-3)
    response = standard((x - 0.5) / (1 + np.abs(x - 0.5)), weights)
    response -= own * (own * response).mean()
    np.testing.assert_allclose(found.responses[:, 4], response / np.sqrt((response**2).mean()), atol=5e-3)
    assert found.alive.tolist() == [True, True, True, False, True]


def test_responses_are_about_linear_in_the_signals_of_the_regulators() -> None:
    split = noise_free(linear(), trajectories=40, times=np.array([0.0, 0.5, 1.0, 2.0]))
    found = regression(linear(), split)
    weight = np.zeros((5, 5))
    for gene in range(5):
        columns = np.column_stack([found.signals, found.own[:, gene]])
        weight[:, gene] = np.linalg.lstsq(columns, found.responses[:, gene], rcond=None)[0][:-1]
    weight[np.arange(5), np.arange(5)] = 0  # what is in the gene's own state twice cannot be told apart
    edges = (linear().sums.weight != 0).numpy().T
    assert (np.abs(weight[edges]) > 0.3).all()
    assert (np.abs(weight[:, found.alive][~edges[:, found.alive]]) < 0.15).all()
    signs = linear().sums.weight.detach().numpy().T
    assert (np.sign(weight[edges]) == np.sign(signs[edges])).all()


@pytest.mark.usefixtures("wrong")
def test_ends_are_taken_as_they_were_observed() -> None:
    """With one transition per trajectory, from ½ and half forgotten: J = 2 x(t + d) - ½."""
    ends = np.array([0.3, 0.4, 0.8], dtype=np.float32)
    split = Split(np.stack([np.full(3, 0.5), ends], axis=1)[:, :, None].astype(np.float32), np.tile([0.0, 1.0], (3, 1)))
    found = regression(constant(math.log(2)), split)
    np.testing.assert_allclose(found.responses[:, 0], (ends - 0.5) / ends.std(), atol=1e-5)


@pytest.mark.usefixtures("wrong")
def test_short_transitions_count_for_less() -> None:
    """Of length 1 and 2, half and three quarters is forgotten; one too short to tell any change counts for nothing."""
    ends = np.array([0.3, 0.4, 0.8, 0.5], dtype=np.float32)
    expression = np.stack([np.full(4, 0.5), ends], axis=1)[:, :, None].astype(np.float32)
    split = Split(expression, np.stack([np.zeros(4), [1.0, 2.0, 1.0, 1e-9]], axis=1))
    found = regression(constant(math.log(2)), split)
    weights = np.array([0.5, 0.75, 0.5])
    production = 0.5 + (ends[:3] - 0.5) / weights
    expected = weights * (production - np.average(production, weights=weights**2))
    np.testing.assert_allclose(found.responses[:3, 0], expected / np.sqrt((expected**2).sum() / 4), atol=1e-5)
    assert abs(found.responses[3, 0]) < 1e-6
    assert len(set(found.trajectory)) == 4


def test_a_trajectory_drawn_twice_is_one() -> None:
    split = measured(3, TIMES, 2).take(np.array([0, 2, 2, 1, 0]))
    trajectory = regression(constant(1.0, 0.5), split).trajectory.reshape(5, len(TIMES) - 1)
    assert (trajectory == trajectory[:, :1]).all()
    assert len(set(trajectory[:, 0])) == 3
    assert trajectory[0, 0] == trajectory[4, 0]
    assert trajectory[1, 0] == trajectory[2, 0]


def test_gaps_of_ragged_trajectories_are_left_out() -> None:
    whole = measured(2, TIMES, 2)
    split = Split.ragged([(whole.expression[0], TIMES), (whole.expression[1, :2], TIMES[:2])])
    found = regression(constant(1.0, 0.5), split)
    assert found.signals.shape == (4, 2)
    assert np.isfinite(found.signals).all()
    assert np.isfinite(found.responses).all()


def test_a_held_gene_is_known_and_says_nothing_of_the_model() -> None:
    """Gene 1 is held at 0.9 in the second step; what was measured of it there changes nothing."""
    expression = np.random.default_rng(0).random((4, 3, 3)).astype(np.float32)
    done = nothing(4, 2, 3)
    done.held[:, 1, 1] = 0.9
    split = Split(expression, np.tile([0.0, 1.0, 2.0], (4, 1)), done)
    states = smooth(linear_of(3), split)
    np.testing.assert_allclose(states[:, 2, 1], 0.9, atol=1e-6)
    other = Split(expression.copy(), split.times, done)
    other.expression[:, 2, 1] = 0.1
    np.testing.assert_array_equal(smooth(linear_of(3), other), states)
    np.testing.assert_array_equal(process_noise(linear_of(3), other), process_noise(linear_of(3), split))


def test_a_held_gene_counts_at_its_level_for_others_and_not_at_all_for_itself() -> None:
    """Gene 0 raises gene 1 and is held at 1 in half of the transitions, though measured elsewhere."""
    split = noise_free(linear(), trajectories=6, times=TIMES[:2])
    done = nothing(6, 1, 5)
    done.held[:3, 0, 0] = 1.0
    found = regression(linear(), Split(split.expression, split.times, done))
    assert found.uneven is not None
    assert found.causal is None
    free = np.ones((6, 5))
    free[:3, 0] = 0
    np.testing.assert_array_equal(found.uneven.share, free)
    assert (found.responses[:3, 0] == 0).all()
    assert np.ptp(found.signals[:3, 0]) < 1e-6 < np.ptp(found.signals[3:, 0])


def test_nothing_done_gives_the_same_bytes() -> None:
    """Interventions that leave every gene as it is change nothing of the regression."""
    split = noise_free(linear(), trajectories=4, times=TIMES)
    told = Split(split.expression, split.times, nothing(4, len(TIMES) - 1, 5))
    for one, other in zip(regression(linear(), split), regression(linear(), told), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


def test_steady_states_are_rows_of_their_own() -> None:
    """Beside four series: the wild type, gene 1 knocked out, and gene 0 halved."""
    series = noise_free(linear(), trajectories=4, times=TIMES)
    states, done = np.random.default_rng(1).random((3, 5)).astype(np.float32), nothing(3, 5)
    done.held[1, 1], done.factor[2, 0] = 0, 0.5
    found = regression(linear(), with_steady_states(series, [(states, done)]))
    alone = regression(linear(), series)
    assert found.uneven is None
    assert found.signals.shape == alone.signals.shape
    assert found.causal is not None
    assert found.causal.uneven is not None
    assert found.causal.uneven.share.tolist() == [[1] * 5, [1, 0, 1, 1, 1], [0.25, 1, 1, 1, 1]]
    expected = states[:, 4].astype(np.float64)
    np.testing.assert_allclose(found.causal.responses[:, 4], (expected - expected.mean()) / expected.std(), atol=1e-6)
    living = found.of_the_living()
    assert living.causal is not None
    assert living.causal.responses.shape == living.causal.uneven.share.shape == (3, 4)  # type: ignore[union-attr]


def linear_of(genes: int) -> PhoenixEdge:
    """Genes that approach 1/2 at rate 1."""
    return constant(*[1.0] * genes)
