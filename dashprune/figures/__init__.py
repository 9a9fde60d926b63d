"""The figures of the paper and some beyond: data in, matplotlib figures out, in one style.

`figures.save(figures.sparsity_accuracy(table), Path("fig2"))` writes Figure 2. Pictures of a run are in
`figures.run_pictures`, which loads torch. No file here bears the name of a function that can be imported here.
"""

from __future__ import annotations

from dashprune.figures.calibration_diagram import calibration
from dashprune.figures.coregulation_maps import coregulation
from dashprune.figures.effect_maps import effects
from dashprune.figures.knockout_maps import knockout_map
from dashprune.figures.network_comparison import networks_compared
from dashprune.figures.pathway_heat_map import pathway_map
from dashprune.figures.prior_curves import PRIOR_SCORES, priors
from dashprune.figures.sparsity_scatter import sparsity_accuracy
from dashprune.figures.style import save

__all__ = [
    "PRIOR_SCORES",
    "calibration",
    "coregulation",
    "effects",
    "knockout_map",
    "networks_compared",
    "pathway_map",
    "priors",
    "save",
    "sparsity_accuracy",
]
