"""The same results on a GPU, where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dashprune import compose
from dashprune.runs.run import train_prune_eval_together

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def test_a_gpu_gives_the_rows_of_the_cpu(small: list[str], tmp_path: Path) -> None:
    """Alone (l0) and together (dash, imp); reduced precision stays off."""
    assert not torch.backends.cuda.matmul.allow_tf32
    jobs = [["pruner=dash"], ["pruner=imp", "seed=1"], ["pruner=l0"]]
    rows = [
        train_prune_eval_together(
            [compose([*small, *words, f"device={device}", f"outputs={tmp_path / device}"]) for words in jobs]
        )
        for device in ("cpu", "cuda")
    ]
    for on_cpu, on_gpu in zip(*rows, strict=True):
        assert isinstance(on_cpu, dict)
        assert isinstance(on_gpu, dict)
        for key in ("sparsity", "balanced_accuracy", "mse", "validation_mse"):
            assert on_gpu[key] == pytest.approx(on_cpu[key], rel=1e-2)
