"""Domain knowledge without biology: a classifier of digits whose prior is which pixels are neighbours.

    python examples/guide_pixels.py

64 pixels, 32 hidden units, 10 digits (scikit-learn's bundled data). DASH is told that neighbouring pixels belong
together; magnitude pruning ("imp") is not. Both cut the first layer and the last to the same sparsity.
"""

from __future__ import annotations

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


def trained(strategy: str, sparsity: float, seed: int) -> tuple[float, float, float]:
    """Accuracy on held-out images, sparsity, and coherence of the first layer."""
    pixels, digits = load_digits(return_X_y=True)
    parts = train_test_split(pixels.astype(np.float32) / 16, digits, test_size=0.3, random_state=seed, stratify=digits)
    x, x_test, y, y_test = (torch.as_tensor(part) for part in parts)
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    related = neighbours(8)
    chains = [["0", "2"]]
    guided = guide(
        net, chains, inputs=related, schedule=SCHEDULE, strategy=strategy, target_sparsity=sparsity, seed=seed
    )
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


if __name__ == "__main__":
    for strategy in ("dash", "imp"):
        found = np.array([trained(strategy, 0.9, seed) for seed in range(3)])
        accuracy, sparsity, together = found.mean(axis=0)
        print(f"{strategy}: accuracy {accuracy:.3f} ± {found[:, 0].std(ddof=1):.3f}, sparsity {sparsity:.3f}, "
              f"neighbours {together:.3f} ± {found[:, 2].std(ddof=1):.3f}")  # fmt: skip
