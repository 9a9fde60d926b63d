"""Scores of a pruned model: arrays in, floats out. Formulas: METHODS.md, section 6.

A network comes in blocks of targets, so that a genome's never stands in memory as a whole; every score is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np


class Block(NamedTuple):
    """Some targets of a network and of the gold standard. Every array is (genes, targets), row regulates column.

    Attributes:
        score: non-negative, larger for a likelier edge.
        support: bool, the edges that are predicted.
        truth: bool, the edges of the gold standard.
        evaluable: bool, the pairs that count: those for which the gold standard could have an edge.
        prior: bool, the edges of the prior network.
    """

    score: np.ndarray
    support: np.ndarray
    truth: np.ndarray
    evaluable: np.ndarray
    prior: np.ndarray


NOVEL_TOP = (10, 100)
"""How many of the first pairs outside the prior the precision is told of."""
NOVEL = ("auprc_novel", "auroc_novel", *(f"precision_novel@{k}" for k in NOVEL_TOP))
"""Scores over the pairs that are not in the prior: of what is new."""


def sparsity(weights: Sequence[np.ndarray]) -> float:
    """Fraction of exact zeros among all entries of `weights` taken together, in [0, 1]."""
    zeros = sum(w.size - np.count_nonzero(w) for w in weights)
    return float(zeros / sum(w.size for w in weights))


class Ranking:
    """How well scores rank edges above other pairs; the latter may come in parts, of which none is kept.

    Attributes:
        score: (distinct,) the edges' scores, ascending, each once.
        edges: (distinct,) int, edges with that score.
        below: (distinct,) int, other pairs with a lower score.
        tied: (distinct,) int, other pairs with the same score.
        others: how many other pairs were added.
    """

    def __init__(self, scores: np.ndarray) -> None:
        """Start from the `scores` of all edges."""
        self.score, self.edges = np.unique(scores, return_counts=True)
        self.below, self.tied = np.zeros_like(self.edges), np.zeros_like(self.edges)
        self.others = 0

    def add(self, scores: np.ndarray) -> None:
        """Count pairs that are no edges by their `scores`."""
        ordered = np.sort(scores)
        below = np.searchsorted(ordered, self.score, side="left")
        self.below += below
        self.tied += np.searchsorted(ordered, self.score, side="right") - below
        self.others += len(ordered)

    @property
    def auroc(self) -> float:
        """Area under the ROC curve, in [0, 1], ties counting half; NaN without edges or without other pairs."""
        pairs = self.edges.sum() * self.others
        return float(self.edges @ (self.below + self.tied / 2) / pairs) if pairs else math.nan

    @property
    def auprc(self) -> float:
        """Average precision, in [0, 1]: the mean over edges of the precision down to and with their own score.

        This is the step-wise area under precision against recall; NaN without edges or without other pairs.
        """
        if not self.edges.sum() * self.others:
            return math.nan
        found = np.cumsum(self.edges[::-1])[::-1]
        precision = found / (found + self.others - self.below)
        return float(self.edges @ precision / self.edges.sum())

    def precision(self, first: int) -> float:
        """Share of edges among the `first` pairs by score, in [0, 1].

        Ties are not broken: pairs with the same score share the places left for them. A score of 0 names no edge, so
        that a place that no pair with a higher one fills is a miss: 3 edges and nothing else named have 0.3 of 10.
        NaN without edges or without other pairs, or if there are fewer than `first` pairs.
        """
        if not self.edges.sum() * self.others or self.edges.sum() + self.others < first:
            return math.nan
        alike = self.edges + self.tied
        ahead = np.cumsum(self.edges[::-1])[::-1] - self.edges + self.others - self.below - self.tied
        inside = np.clip((first - ahead) / alike, 0, 1)
        return float(self.edges @ np.where(self.score > 0, inside, 0) / first)


def network_scores(blocks: Callable[[], Iterable[Block]]) -> dict[str, float]:
    """Scores of a network against its gold standard over the evaluable pairs, in [0, 1].

    Args:
        blocks: gives all blocks of the network, and is called twice.

    Returns:
        `balanced_accuracy` of the support, (TPR + TNR) / 2, 0.5 if all pairs are predicted; `auroc` and `auprc` of
        the score; and `auroc_relative`, the former of the score relative to its target (see `relative_effect`). All
        are NaN if the evaluable pairs hold no edge or nothing but edges. And, of the score over the evaluable pairs
        that are not in the prior, those that are NOVEL: `auroc_novel`, `auprc_novel`, and for k in NOVEL_TOP
        `precision_novel@k` (see `Ranking.precision`); NaN if these pairs hold no edge or nothing but edges.
    """
    edges = [_chosen(block, block.evaluable & block.truth) for block in blocks()]
    found = Chosen(*(np.concatenate(part) for part in zip(*edges, strict=True)))
    ranking, relative, novel = Ranking(found.score), Ranking(found.relative), Ranking(found.score[found.novel])
    rejected = 0
    for block in blocks():
        other = _chosen(block, block.evaluable & ~block.truth)
        ranking.add(other.score)
        relative.add(other.relative)
        novel.add(other.score[other.novel])
        rejected += int(np.count_nonzero(~other.support))
    defined = len(found.support) > 0 and ranking.others > 0
    return {
        "balanced_accuracy": float((found.support.mean() + rejected / ranking.others) / 2) if defined else math.nan,
        "auroc": ranking.auroc,
        "auprc": ranking.auprc,
        "auroc_relative": relative.auroc,
        **dict(zip(NOVEL, (novel.auprc, novel.auroc, *map(novel.precision, NOVEL_TOP)), strict=True)),
    }


class Chosen(NamedTuple):
    """Some pairs of a block: their score, their relative score, whether they are predicted, and not in the prior."""

    score: np.ndarray
    relative: np.ndarray
    support: np.ndarray
    novel: np.ndarray


def _chosen(block: Block, pairs: np.ndarray) -> Chosen:
    relative = relative_effect(block.score)[pairs]
    return Chosen(block.score[pairs], relative, block.support[pairs], ~block.prior[pairs])


def relative_effect(effect: np.ndarray) -> np.ndarray:
    """Size of each effect relative to all effects on the same target: |E_ij| / Σ_i' |E_i'j|, 0 where a target has none.

    The published evaluation script ranks edges by this quantity.
    """
    return np.abs(signed_relative_effect(effect))


def signed_relative_effect(effect: np.ndarray) -> np.ndarray:
    """Each effect relative to all effects on the same target: E_ij / Σ_i' |E_i'j|, 0 where a target has none.

    A true network is taken the same way, by its signs: each of a target's k regulators has ±1/k.

    Args:
        effect: (genes, targets) signed, row regulates column.

    Returns:
        (genes, targets) in [-1, 1]; a column's absolute values sum to 1, or to 0.
    """
    total = np.abs(effect).sum(axis=0, keepdims=True)
    relative = np.zeros(effect.shape, dtype=np.result_type(effect, np.float32))
    return np.divide(effect, total, out=relative, where=total > 0)


def relationship_error(effect: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared error of the relative effects against the true ones, over all pairs, the diagonal included.

    The published figure does not say how its two sides were scaled; here both are `signed_relative_effect`, so that a
    model's units of time and expression do not matter. Naming no edge at all has the error
    `relationship_error(zeros, truth)`, which is small as most pairs have no edge: read every error beside it.

    Args:
        effect: (genes, genes) signed effects, row regulates column.
        truth: (genes, genes) signs of the true network, 0 where there is no edge.
    """
    return mse(signed_relative_effect(effect), signed_relative_effect(truth))


def mse(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Mean squared error over all entries, in squared units of expression."""
    return float(np.mean((predicted.astype(np.float64) - observed.astype(np.float64)) ** 2))


def epochs_to_plateau(validation: Sequence[float], tolerance: float) -> int:
    """First epoch (from 1) after which the validation error never again falls by more than `tolerance`.

    The smallest e with min over e' > e of v(e') >= min over e' <= e of v(e') - tolerance.

    Args:
        validation: validation error after each epoch; at least one.
        tolerance: the plateau scheduler's absolute threshold, in the units of `validation`.
    """
    values = np.asarray(validation, dtype=np.float64)
    so_far = np.minimum.accumulate(values)
    still_to_come = np.append(np.minimum.accumulate(values[::-1])[::-1][1:], np.inf)
    return int(np.argmax(still_to_come >= so_far - tolerance)) + 1


class Bin(NamedTuple):
    """Pairs of genes of similar probability.

    Attributes:
        low, high: from which to below which probability; the last bin holds 1, too.
        pairs: how many there are, at least one.
        probability: their mean probability.
        real: how many are edges of the gold standard.
    """

    low: float
    high: float
    pairs: int
    probability: float
    real: int

    @property
    def share(self) -> float:
        """The share that is real."""
        return self.real / self.pairs


def calibration(probability: np.ndarray, real: np.ndarray, bins: int = 10) -> list[Bin]:
    """Probabilities beside what is real, in bins of equal width, of which empty ones are left out.

    Args:
        probability: (pairs,) in [0, 1].
        real: (pairs,) bool.
        bins: how many.
    """
    place = np.minimum(np.floor(np.round(probability * bins, 9)), bins - 1).astype(np.int64)
    number, hits = np.bincount(place, minlength=bins), np.bincount(place[real], minlength=bins)
    total = np.bincount(place, weights=probability, minlength=bins)
    return [
        Bin(k / bins, (k + 1) / bins, int(number[k]), float(total[k] / number[k]), int(hits[k]))
        for k in np.flatnonzero(number).tolist()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: Σ pairs |share - probability| / Σ pairs; NaN without pairs.

    Source: Naeini et al., AAAI 2015.
    """
    pairs = sum(own.pairs for own in bins)
    return sum(own.pairs * abs(own.share - own.probability) for own in bins) / pairs if pairs else math.nan


def wilson(hits: int, number: int) -> tuple[float, float]:
    """The 95 % interval of a share, of which `hits` of `number` (at least one) were seen.

    (p + z²/2n ± z √(p (1 - p)/n + z²/4n²)) / (1 + z²/n). Source: Wilson, JASA 22 (1927).
    """
    z, share = 1.959963984540054, hits / number
    middle = share + z**2 / (2 * number)
    reach = z * math.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    low, high = ((middle + sign * reach) / (1 + z**2 / number) for sign in (-1, 1))
    return max(low, 0.0), min(high, 1.0)
