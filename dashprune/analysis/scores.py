"""The scores of result.json that tables show, every one once: a new score is a line here, and its function.

The order is that of the columns: those of the DASH paper's Table 1 first, then the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from dashprune.errors import did_you_mean

Better = Literal["higher", "lower"] | None


@dataclass(frozen=True)
class Score:
    """How a score is shown and judged.

    Attributes:
        name: its key in result.json.
        heading: in words, without the unit.
        digits: format of the number as it is in result.json.
        unit: of the paper's tables: a fraction may be shown in percent, an error in a power of ten, or it is "".
        unit_digits: format of the number in this unit.
        better: which way is better; None where neither is.
        compared: whether strategies are compared in it by a t-test; then one way is better.
        repeats: the score that it says again for some strategies; where it does for all, tables leave it out.
    """

    name: str
    heading: str
    digits: str = ".4f"
    unit: Literal["", "%", "error"] = ""
    unit_digits: str = ".3f"
    better: Better = None
    compared: bool = False
    repeats: str | None = None

    def best(self, values: Iterable[float]) -> float:
        """The best of several values.

        Raises:
            ValueError: if neither way is better.
        """
        if self.better is None:
            raise ValueError(f"of {self.name} neither higher nor lower values are better")
        return max(values) if self.better == "higher" else min(values)

    def factor(self, error_unit: float) -> float:
        """By what a number is multiplied that is shown in its unit; `error_unit` is that of errors."""
        return {"": 1.0, "%": 100.0, "error": 1 / error_unit}[self.unit]

    def title(self, error_unit: float) -> str:
        """The heading with the unit, such as `sparsity, %` or `MSE, 1e-3`."""
        unit = {"": "", "%": ", %", "error": f", {error_unit:.0e}".replace("e-0", "e-")}[self.unit]
        return f"{self.heading}{unit}"


def _accuracy(name: str, heading: str, compared: bool = False, repeats: str | None = None) -> Score:
    return Score(name, heading, ".4f", "%", ".2f", "higher", compared, repeats)


def _count(name: str, heading: str, better: Better = None, repeats: str | None = None) -> Score:
    return Score(name, heading, ".0f", unit_digits=".0f", better=better, repeats=repeats)


_ALL = [
    Score("sparsity", "sparsity", ".4f", "%", ".2f"),
    _accuracy("balanced_accuracy", "balanced accuracy", compared=True),
    _accuracy("balanced_accuracy_all", "balanced accuracy over all pairs", repeats="balanced_accuracy"),
    Score("mse", "MSE", ".2e", "error", better="lower", compared=True),
    Score("mse_persistence", "MSE of no change", ".2e", "error"),
    Score("mse_relative", "MSE over persistence", ".3f", better="lower"),
    _count("epochs", "epochs", better="lower"),
    _count("epochs_after_pruning", "epochs after the last cut", better="lower", repeats="epochs"),
    Score("auroc", "AUROC", better="higher"),
    Score("auprc", "AUPRC", better="higher"),
    Score("auroc_probability", "AUROC of the probability", better="higher"),
    Score("auprc_probability", "AUPRC of the probability", better="higher"),
    Score("auprc_novel", "AUPRC outside of the prior", better="higher"),
    Score("auroc_novel", "AUROC outside of the prior", better="higher"),
    Score("precision_novel@10", "precision of the first 10 outside of the prior", better="higher"),
    Score("precision_novel@100", "precision of the first 100 outside of the prior", better="higher"),
    Score("out_degree", "out-degree", ".1f", unit_digits=".1f"),
    _count("edges", "edges"),
    Score("expression_sd", "standard deviation of expression", ".3f"),
    Score("knockout_mse", "MSE of knock-outs", ".2e", "error", better="lower"),
    Score("knockout_relative", "MSE of knock-outs over no change", ".3f", better="lower"),
    Score("knockout_spearman", "rank correlation of knock-outs", ".3f", better="higher"),
    Score("knockout_spearman_prior", "that of the prior's signs", ".3f"),
    _count("wall_seconds", "seconds", better="lower"),
]
SCORES = {score.name: score for score in _ALL}
COMPARED = [score for score in _ALL if score.compared]


def _known(name: str) -> str:
    if name not in SCORES:
        said = f"there is no such score{did_you_mean(name, SCORES)}; scores: {', '.join(SCORES)}"
        raise PydanticCustomError("no_such_score", "{said}", {"said": said})
    return name


Name = Annotated[str, AfterValidator(_known)]
"""The name of a score, where a configuration gives one."""
