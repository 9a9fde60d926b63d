"""Scores of a pruned model. Pure functions: arrays in, floats out. Formulas: METHODS section 6 of the DASH notes.

Effect matrices, truth and evaluable pairs are (genes, genes), row regulates column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score


def sparsity(weights: Sequence[np.ndarray]) -> float:
    """Fraction of exact zeros among all entries of `weights` taken together, in [0, 1]."""
    zeros = sum(w.size - np.count_nonzero(w) for w in weights)
    return float(zeros / sum(w.size for w in weights))


def out_degree(effect: np.ndarray) -> float:
    """Mean number of targets per gene: nonzero entries per row of the effect matrix, over all rows."""
    return float(np.count_nonzero(effect) / len(effect))


def balanced_accuracy(effect: np.ndarray, truth: np.ndarray, evaluable: np.ndarray) -> float:
    """Balanced accuracy of the support, (TPR + TNR) / 2, over the evaluable pairs.

    An edge is predicted wherever the effect is not zero, so a dense model scores 0.5.

    Returns:
        A fraction in [0, 1]; NaN if the evaluable pairs hold no edge or nothing but edges.
    """
    predicted, actual = effect[evaluable] != 0, truth[evaluable] != 0
    if actual.all() or not actual.any():
        return float("nan")
    return float((predicted[actual].mean() + (~predicted[~actual]).mean()) / 2)


def auroc(score: np.ndarray, truth: np.ndarray, evaluable: np.ndarray) -> float:
    """Area under the ROC curve of `score` (larger: more likely an edge) over the evaluable pairs; ties count half.

    Returns:
        A fraction in [0, 1]; NaN if the evaluable pairs hold no edge or nothing but edges.
    """
    return _ranking(roc_auc_score, score, truth, evaluable)


def auprc(score: np.ndarray, truth: np.ndarray, evaluable: np.ndarray) -> float:
    """Average precision of `score` over the evaluable pairs (the step-wise area under precision against recall).

    Returns:
        A fraction in [0, 1]; NaN if the evaluable pairs hold no edge or nothing but edges.
    """
    return _ranking(average_precision_score, score, truth, evaluable)


def relative_effect(effect: np.ndarray) -> np.ndarray:
    """Size of each effect relative to all effects on the same target: |E_ij| / Σ_i' |E_i'j|, 0 where a target has none.

    The published evaluation script ranks edges by this quantity.
    """
    size = np.abs(effect)
    total = size.sum(axis=0, keepdims=True)
    return np.divide(size, total, out=np.zeros_like(size), where=total > 0)


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


def _ranking(
    measure: Callable[[np.ndarray, np.ndarray], float], score: np.ndarray, truth: np.ndarray, evaluable: np.ndarray
) -> float:
    actual = truth[evaluable] != 0
    return float("nan") if actual.all() or not actual.any() else float(measure(actual, score[evaluable]))
