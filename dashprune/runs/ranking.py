"""ranking.tsv: all pairs of genes that were candidates, the best first, as challenges ask for them.

Pairs come by score: what a control gives, or a strategy that knows how probable an edge is (dash_edge: -log(1 - p),
also of what it cut), or else the size of the effect. Of equal ones the more probable comes first, then they come by
source and by target, in the order of the genes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from dashprune.controls.base import Estimate
from dashprune.data.problem import Pairs, Problem
from dashprune.data.sparse import dense
from dashprune.models.base import VectorField
from dashprune.models.effects import effects_on, largest, target_blocks
from dashprune.pruners.base import Pruner
from dashprune.runs import results

LISTED = 1_000_000
"""Most pairs that ranking.tsv lists."""


class Ranked(NamedTuple):
    """What ranks pairs of genes, in blocks of targets, so that no matrix of genes x genes is needed.

    Attributes:
        candidates: the pairs that are ranked.
        score: gives (genes, targets) of some targets, non-negative, larger for a likelier edge.
        probability: likewise, of each pair to be an edge; None if there is none.
    """

    candidates: Pairs
    score: Callable[[slice], np.ndarray]
    probability: Callable[[slice], np.ndarray] | None


def of_model(model: VectorField, pruner: Pruner) -> Ranked:
    """By the strategy's own order, or else by the size of the effects in a trained model.

    Candidates are what the model's first layers see, as far as the strategy allows.
    """

    def score(targets: slice) -> np.ndarray:
        own = pruner.edge_ranking(targets)
        return np.abs(effects_on(model, targets)) if own is None else own.cpu().numpy()

    def probability(targets: slice) -> np.ndarray:
        found = pruner.edge_probability(targets)
        assert found is not None
        return found.cpu().numpy()

    sources = np.ones(model.genes, dtype=bool)
    if model.regulators is not None:
        sources[:] = False
        sources[model.regulators.cpu().numpy()] = True
    candidates = Pairs(sources, np.ones(model.genes, dtype=bool), pruner.loops)
    with torch.no_grad():
        known = pruner.edge_probability(slice(0, 1)) is not None
    return Ranked(candidates, score, probability if known else None)


def of_control(estimate: Estimate) -> Ranked:
    """By what a control says."""
    score, probability = estimate.score, estimate.probability

    def probabilities(targets: slice) -> np.ndarray:
        assert probability is not None
        return dense(probability, targets)

    candidates = Pairs.every(score.shape[0]) if estimate.candidates is None else estimate.candidates
    return Ranked(candidates, lambda targets: dense(score, targets), None if probability is None else probabilities)


def write(folder: Path, ranked: Ranked, problem: Problem) -> None:
    """Write ranking.tsv: source, target, score, probability (empty if there is none) and in_prior (1 or 0)."""
    place, score, probability = best(ranked, LISTED)
    source, target = np.divmod(place, len(problem.genes))
    known = problem.prior.tocoo()
    in_prior = np.isin(place, known.row.astype(np.int64) * len(problem.genes) + known.col)
    results.write_ranking(
        folder,
        (
            (problem.genes[i], problem.genes[j], f"{s:.7g}", "" if ranked.probability is None else f"{p:.4g}", int(k))
            for i, j, s, p, k in zip(source, target, score, probability, in_prior, strict=True)
        ),
    )


def best(ranked: Ranked, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best candidates, at most `limit`, in order.

    Returns:
        Of each pair its place (source times genes plus target), score and probability (0 if there is none).
    """
    genes, _ = ranked.candidates.shape
    place, score, probability = np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
    for targets in target_blocks(genes):
        source, target = np.nonzero(ranked.candidates.block(targets))
        chances = np.zeros(len(source)) if ranked.probability is None else ranked.probability(targets)[source, target]
        place = np.append(place, source * genes + target + targets.start)
        score, probability = np.append(score, ranked.score(targets)[source, target]), np.append(probability, chances)
        kept = largest(score, place, limit, then=probability)
        place, score, probability = place[kept], score[kept], probability[kept]
    order = np.lexsort((place, -probability, -score))
    return place[order], score[order], probability[order]
