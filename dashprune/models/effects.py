"""The effects of genes on genes in a model, in blocks of targets, so that no matrix of genes x genes is needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from dashprune.models.base import VectorField

_BLOCK = 2**23
"""Most gene pairs that are looked at together; 32 MB in float32."""


def target_blocks(genes: int) -> Iterator[slice]:
    """All targets, as many at a time as `_BLOCK` allows, at least one."""
    step = max(_BLOCK // genes, 1)
    return (slice(first, min(first + step, genes)) for first in range(0, genes, step))


@torch.no_grad()
def effects_on(model: VectorField, targets: slice) -> np.ndarray:
    """(genes, targets) effects on some targets, row regulates column."""
    return model.effect_matrix(targets).cpu().numpy()


def degrees(model: VectorField) -> tuple[np.ndarray, np.ndarray]:
    """How many edges, nonzero effects, leave each gene and reach it: (genes,) int64 each."""
    leaving, reaching = np.zeros(model.genes, dtype=np.int64), np.zeros(model.genes, dtype=np.int64)
    for targets in target_blocks(model.genes):
        edges = effects_on(model, targets) != 0
        leaving += edges.sum(axis=1)
        reaching[targets] = edges.sum(axis=0)
    return leaving, reaching


def strongest(model: VectorField, limit: int) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """The edges with the largest effects in absolute value.

    Returns:
        The number of all edges; and source, target and effect of at most `limit`, the largest first, equal ones by
        source and then by target.
    """
    edges, place, effect = 0, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    for targets in target_blocks(model.genes):
        block = effects_on(model, targets)
        source, target = np.nonzero(block)
        edges += len(source)
        place = np.append(place, source * model.genes + target + targets.start)
        effect = np.append(effect, block[source, target])
        kept = largest(np.abs(effect), place, limit)
        place, effect = place[kept], effect[kept]
    order = np.lexsort((place, -np.abs(effect)))
    return edges, *np.divmod(place[order], model.genes), effect[order]


def largest(size: np.ndarray, place: np.ndarray, limit: int, then: np.ndarray | None = None) -> np.ndarray:
    """Positions of the `limit` largest sizes, in no particular order.

    Args:
        size: of each of some pairs.
        place: of equal ones those with the lowest place.
        limit: how many.
        then: of equal ones those with the largest of these, before places count.
    """
    if len(size) <= limit:
        return np.arange(len(size))
    least = np.partition(size, -limit)[-limit]
    larger, tied = np.flatnonzero(size > least), np.flatnonzero(size == least)
    order = np.argsort(place[tied]) if then is None else np.lexsort((place[tied], -then[tied]))
    return np.append(larger, tied[order][: limit - len(larger)])
