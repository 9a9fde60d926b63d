"""Domain knowledge without biology: a classifier of digits whose prior is which pixels are neighbours.

    python scripts/guide_pixels.py

64 pixels, 32 hidden units, 10 digits (scikit-learn's bundled data). DASH is told that neighbouring pixels belong
together; magnitude pruning ("imp") is not. Both cut the first layer and the last to the same sparsity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from dashprune import Schedule, guide

EPOCHS = 60
SCHEDULE = Schedule(start=10, first=0.5, every=5, then=0.2, epochs=EPOCHS)


def neighbours(side: int) -> csr_array:
    """(pixels, pixels) 1 where two pixels of a square image touch, also at a corner, and of a pixel with itself."""
    place = np.stack(np.divmod(np.arange(side**2), side))
    return csr_array(np.abs(place[:, :, None] - place[:, None]).max(axis=0) <= 1, dtype=np.float32)


def coherence(mask: torch.Tensor, related: csr_array) -> float:
    """Of all pairs of inputs that are left in the same hidden unit, the share that is related."""
    kept = mask.numpy() > 0
    together = kept.T.astype(int) @ kept
    np.fill_diagonal(together, 0)
    return float((together * (related.toarray() > 0)).sum() / max(together.sum(), 1))


def fitted(
    parts: list[np.ndarray], related: csr_array, rate: float, strategy: str, sparsity: float, seed: int
) -> tuple[float, float, float]:
    """Accuracy on what is held out, sparsity, and coherence of the first layer, of a classifier with 32 hidden units.

    Args:
        parts: inputs to train on and held out, then their classes.
        related: (inputs, inputs) what the prior says.
        rate: of learning.
        strategy: of `guide`.
        sparsity: of all weights in the end.
        seed: of weights, order and scores.
    """
    x, x_test, y, y_test = (torch.as_tensor(part) for part in parts)
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(x.shape[1], 32), nn.ReLU(), nn.Linear(32, int(y.max()) + 1))
    optimizer = torch.optim.Adam(net.parameters(), rate)
    options = {"strategy": strategy, "target_sparsity": sparsity, "seed": seed}
    guided = guide(net, [["0", "2"]], inputs=related, schedule=SCHEDULE, **options)
    for epoch in range(1, EPOCHS + 1):
        guided.update(epoch)
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    left = guided.sparsity, coherence(guided.masks()[0], related)
    guided.finalize()
    with torch.no_grad():
        return (net(x_test).argmax(dim=1) == y_test).float().mean().item(), *left


def report(trained: Callable[[str, float, int], tuple[float, float, float]], related: str) -> None:
    """Print means and deviations of DASH and magnitude pruning at 90 % sparsity, over seeds 0, 1, 2."""
    for strategy in ("dash", "imp"):
        found = np.array([trained(strategy, 0.9, seed) for seed in range(3)])
        accuracy, sparsity, together = found.mean(axis=0)
        print(f"{strategy}: accuracy {accuracy:.3f} ± {found[:, 0].std(ddof=1):.3f}, sparsity {sparsity:.3f}, "
              f"{related} {together:.3f} ± {found[:, 2].std(ddof=1):.3f}")  # fmt: skip


def trained(strategy: str, sparsity: float, seed: int) -> tuple[float, float, float]:
    """See `fitted`."""
    pixels, digits = load_digits(return_X_y=True)
    parts = train_test_split(pixels.astype(np.float32) / 16, digits, test_size=0.3, random_state=seed, stratify=digits)
    return fitted(parts, neighbours(8), 3e-3, strategy, sparsity, seed)


if __name__ == "__main__":
    report(trained, "neighbours")
