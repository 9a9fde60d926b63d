"""How large the effects of real edges may be: mixtures of normal distributions with mean 0.

Source: Stephens, Biostatistics 18 (2017), for such mixtures.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Mixture(NamedTuple):
    """Normal distributions with mean 0: variances and logarithms of their weights, (components, 1) float32."""

    variances: np.ndarray
    weights: np.ndarray


def laplace(scale: float) -> Mixture:
    """Nearly Laplace's distribution: few effects are large, many small.

    Laplace's distribution of mean size b is a normal one whose variance is exponentially distributed with mean 2 b².
    """
    variances = 2 * scale**2 * np.geomspace(1e-3, 5, 8)
    edges = np.concatenate([[0], np.sqrt(variances[1:] * variances[:-1]), [np.inf]])
    return _columns(variances, np.log(np.diff(-np.exp(-edges / (2 * scale**2)))))


def normal(scale: float) -> Mixture:
    """One normal distribution of this mean size: next to no effect is so small that it cannot be seen."""
    return _columns(np.array([math.pi / 2 * scale**2]), np.zeros(1))


def every_size(scale: float) -> Mixture:
    """As many effects between 1 and 2 hundredths of `scale` as between 1 and 2 times it: many cannot be seen."""
    variances = 2 * scale**2 * np.geomspace(1e-4, 5, 10)
    return _columns(variances, np.full(10, -math.log(10)))


SHAPES = (laplace, normal, every_size)
"""Distributions of real effects that are thought possible."""
SCALES = (1 / 512, 1 / 128, 1 / 32, 1 / 8, 1 / 4, 1 / 2, 1 / 1.4, 1.0, 1.4, 2.0)
"""Sizes of real effects that are thought possible, over the most likely one; at the smallest nothing could be seen."""


def _columns(variances: np.ndarray, weights: np.ndarray) -> Mixture:
    return Mixture(variances[:, None].astype(np.float32), weights[:, None].astype(np.float32))
