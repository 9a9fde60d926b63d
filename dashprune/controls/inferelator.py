"""The inferelator: Bayesian best subset regression on activities of regulators."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from dashprune.controls.base import Control, Estimate
from dashprune.controls.decay import decay_rates, production
from dashprune.data.problem import Pairs, Problem, Transitions
from dashprune.errors import DashpruneError


class Inferelator(Control):
    """Regulators that explain the production of a target best by their activity, by the package `inferelator`.

    Activities are those of the package (a pseudo-inverse of the prior; a regulator without known targets keeps its
    expression), at the start of each transition. A known target is not left out of them, so its own edges look better
    than they are. Responses are production over decay, with each gene's decay estimated (see `decay_rates`). Pairs are
    ranked by how much of the variance is lost without them; those with a coefficient are edges.

    Source: Arrieta-Ortiz et al., Molecular Systems Biology 11:839 (2015); Skok Gibbs et al., Bioinformatics 38:2519
    (2022), for the package.

    Args:
        prior_weight: how much lighter the penalty of a known pair is; 1 for the same as of others.
        predictors: regulators among which the best are sought for each target, beside those of the prior.
    """

    uses_prior: bool = True

    def __init__(self, prior_weight: Annotated[float, Field(ge=1)], predictors: Annotated[int, Field(ge=1)]) -> None:
        self.prior_weight, self.predictors = prior_weight, predictors

    @property
    def needs_prior(self) -> bool:
        return False

    def fit(self, problem: Problem) -> Estimate:
        """Name edges.

        Raises:
            DashpruneError: if the package is not installed.
        """
        genes = len(problem.genes)
        regulators = np.arange(genes) if problem.regulators is None else problem.regulators
        known = pd.DataFrame(np.sign(problem.prior[regulators].toarray()).T, columns=regulators)
        lost = self._lost(problem, known)
        score = np.zeros((genes, genes))
        score[np.ix_(lost.columns.to_numpy(int), lost.index.to_numpy(int))] = lost.to_numpy().T
        np.fill_diagonal(score, 0)
        sources = np.isin(np.arange(genes), regulators)
        return Estimate(score, score > 0, candidates=Pairs(sources, np.ones(genes, dtype=bool), loops=False))

    def predict(self, transitions: Transitions) -> np.ndarray | None:
        return None

    def _lost(self, problem: Problem, known: pd.DataFrame) -> pd.DataFrame:
        """(targets, regulators) share of variance that is lost without each regulator; 0 for what is not chosen."""
        try:
            from inferelator.preprocessing.tfa import TFA
            from inferelator.regression.bbsr_python import BBSR
            from inferelator.regression.mi import MIDriver
            from inferelator.utils import Debug, InferelatorData
        except ImportError as error:
            raise DashpruneError(
                f"control=inferelator needs a package that is not installed ({error}): "
                f"pip install 'dashprune[inferelator]'"
            ) from None
        Debug.set_verbose_level("silent")
        known = known.rename(index=str, columns=str)
        transitions = problem.train.transitions()
        made, _ = production(transitions, decay_rates(problem.train, None))
        rows = [f"row {k}" for k in range(len(made))]
        start, response = (
            InferelatorData(pd.DataFrame(values.astype(np.float64), index=rows, columns=known.index))
            for values in (transitions.start, made)
        )
        activity = TFA().compute_transcription_factor_activity(known, start)
        relatedness, _ = MIDriver.run(response, activity, return_mi=False)
        prior = known[list(activity.gene_names)]
        regression = BBSR(activity, response, relatedness, prior, nS=self.predictors, prior_weight=self.prior_weight)
        coefficients, lost = regression.run()
        kept: pd.DataFrame = lost.where(coefficients != 0, 0.0).clip(lower=0.0).fillna(0.0)
        return kept
