"""Pruning neural models of gene regulation with data and domain knowledge.

`train_prune_eval(compose(["pruner=dash"]))` does what `dashprune run pruner=dash` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashprune.config import compose
    from dashprune.runs.run import train_prune_eval

__version__ = "0.1.0"

__all__ = ["__version__", "compose", "train_prune_eval"]


def __getattr__(name: str) -> Any:
    """Import on first use, so that the command line answers --help without loading torch."""
    if name == "compose":
        from dashprune.config import compose

        return compose
    if name == "train_prune_eval":
        from dashprune.runs.run import train_prune_eval

        return train_prune_eval
    raise AttributeError(f"module 'dashprune' has no attribute '{name}'")
