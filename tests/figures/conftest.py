"""What several tests of figures share: a table, and what stands in a figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure


def line(pruner: str, sparsity: float, accuracy: float, **changes: object) -> dict[str, object]:
    """A line of tables.summary, with deviations of 1 and 2 %."""
    columns = {"dataset": "sim350", "model": "phoenix", "pruner": pruner, "options": "", "prior": False, "seeds": 3}
    scores = {"sparsity": sparsity, "sparsity_sd": 0.01, "balanced_accuracy": accuracy, "balanced_accuracy_sd": 0.02}
    return {**columns, **scores, **changes}


TABLE = pd.DataFrame(
    [
        line("none", 0, 0.5),
        line("cnode", 0.01, 0.498),
        line("dash", 0.96, 0.91, prior=True),
        line("imp", 0.95, 0.73),
        line("prior", 0.995, 0.975, model="control", prior=True),
        line("persistence", np.nan, np.nan, model="control"),
    ]
)


def texts(figure: Figure) -> list[str]:
    axes = [text.get_text() for axes in figure.axes for text in axes.texts]
    return [*axes, *(text.get_text() for text in figure.texts)]
