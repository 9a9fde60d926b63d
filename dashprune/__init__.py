"""Pruning neural models of gene regulation with data and domain knowledge.

`train_prune_eval(compose(["pruner=dash"]))` does what `dashprune run pruner=dash` does. `guide` prunes layers of
any torch network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashprune import figures
    from dashprune.analysis import pathways
    from dashprune.config import compose
    from dashprune.pruners.guided import guide
    from dashprune.pruners.scheduled import Schedule
    from dashprune.runs.run import train_prune_eval

__version__ = "0.2.0.dev0"

__all__ = ["Schedule", "__version__", "compose", "figures", "guide", "pathways", "train_prune_eval"]

_PLACES = {
    "Schedule": ("dashprune.pruners.scheduled", "Schedule"),
    "compose": ("dashprune.config", "compose"),
    "figures": ("dashprune.figures", None),
    "guide": ("dashprune.pruners.guided", "guide"),
    "pathways": ("dashprune.analysis.pathways", None),
    "train_prune_eval": ("dashprune.runs.run", "train_prune_eval"),
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that the command line answers --help without loading torch."""
    if name not in _PLACES:
        raise AttributeError(f"module 'dashprune' has no attribute '{name}'")
    module, own = _PLACES[name]
    return import_module(module) if own is None else getattr(import_module(module), own)
