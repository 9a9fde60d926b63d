"""Which columns of an edge list are what: by their usual names, or by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from dashprune.data.own import files
from dashprune.errors import DashpruneError, did_you_mean

ROLES = ("source", "target", "sign", "weight", "confidence")
"""What a column of an edge list can be."""
NAMES = {
    "source": (
        "source_genesymbol", "source", "source_name", "source_gene", "from", "from_gene", "tf", "tfs", "tf_name",
        "tf_symbol", "transcription_factor", "regulator", "regulator_name", "regulator_symbol", "regulator_gene",
        "regulatory_gene", "gene1", "gene_1", "gene_a", "node1", "protein1", "parent",
    ),
    "target": (
        "target_genesymbol", "target", "target_name", "target_gene", "target_symbol", "to", "to_gene", "targets",
        "regulated_gene", "regulatee", "gene2", "gene_2", "gene_b", "node2", "protein2", "child", "gene", "gene_name",
        "gene_symbol",
    ),
    "sign": (
        "sign", "mor", "mode_of_regulation", "type", "regulation", "regulation_type", "effect", "interaction", "mode",
        "direction", "activation_or_repression",
    ),
    "weight": ("weight", "score", "combined_score", "edge", "value", "likelihood", "strength", "importance", "label",
               "edge_weight", "is_edge", "coefficient", "coef", "correlation"),
    "confidence": ("confidence", "confidence_level", "confidence_score", "level"),
}  # fmt: skip
"""Usual names in small letters, words joined by `_`; the likeliest first."""
LETTERS = {"A": 1.0, "B": 0.8, "C": 0.6, "D": 0.4, "E": 0.2}
"""Confidences of DoRothEA's letters, and of pairs of them such as AB by the first; this project's choice."""
_UP = {"+", "1", "+1", "1.0", "activation", "activator", "activates", "activating", "active", "positive", "pos", "up",
       "stimulation", "stimulates", "induction", "induces", "act", "true"}  # fmt: skip
_DOWN = {"-", "\u2212", "-1", "-1.0", "repression", "repressor", "represses", "repressing", "negative", "neg", "down",
         "inhibition", "inhibits", "inhibitor", "rep", "false"}  # fmt: skip
_NEITHER = {"", "0", "0.0", "?", "unknown", "unspecified", "undefined", "dual", "both", "+-", "+/-", "na", "nan",
            "none", "ambiguous", "regulation"}  # fmt: skip
_STIMULATES = ("consensus_stimulation", "is_stimulation")
_INHIBITS = ("consensus_inhibition", "is_inhibition")
_TRUE = {"1", "1.0", "true", "t", "yes"}
_STRING = "combined_score"
"""STRING's score runs to 1,000."""


class Columns(NamedTuple):
    """Columns of a table, by what they are; None for what it lacks.

    Attributes:
        source, target, sign, weight, confidence: names.
        both: OmniPath's pair of columns, whether an edge stimulates and whether it inhibits, in place of a sign.
    """

    source: str
    target: str
    sign: str | None = None
    weight: str | None = None
    confidence: str | None = None
    both: tuple[str, str] | None = None

    def told(self) -> str:
        """What was taken for what, in words."""
        taken = [f"{role} '{name}'" for role in ROLES if (name := getattr(self, role)) is not None]
        if self.both is not None:
            taken.append("sign " + " and ".join(f"'{name}'" for name in self.both))
        return ", ".join(taken)

    def used(self) -> set[str]:
        """Names of all columns that are something."""
        return {name for name in (self.source, self.target, self.sign, self.weight, self.confidence) if name} | {
            *(self.both or ())
        }


def plain(name: str) -> str:
    """A column's name in small letters, its words joined by `_`, without signs around it."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip().lstrip("#"))
    return re.sub(r"[^a-z0-9]+", "_", parted.casefold()).strip("_")


def recognised(names: Sequence[str]) -> Columns | None:
    """Columns by their usual names; None if source or target are not among them."""
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(plain(name), name)
    usual = {role: next((by_plain[one] for one in NAMES[role] if one in by_plain), None) for role in ROLES}
    found = {role: name for role, name in usual.items() if name is not None}
    if "source" not in found or "target" not in found:
        return None
    pairs = ([by_plain.get(name) for name in pair] for pair in zip(_STIMULATES, _INHIBITS, strict=True))
    both = next(((up, down) for up, down in pairs if up is not None and down is not None), None)
    if both is not None:
        found.pop("sign", None)
    return Columns(**found, both=both)


def named(path: Path, names: Sequence[str], given: Mapping[str, str], key: str) -> Columns:
    """Columns as the user named them; source and target, if they are not, by their usual names.

    Args:
        path: of the file, for messages.
        names: of its columns.
        given: role to name.
        key: of the configuration, such as dataset.prior_columns.

    Raises:
        DashpruneError: if there is no such column, or source or target remain unknown.
    """
    for name in given.values():
        if name not in names:
            alike = [one for one in names if one.casefold() == name.casefold()]
            hint = f"; did you mean '{alike[0]}'?" if alike else did_you_mean(name, names)
            hint = hint or f"; it has {', '.join(repr(one) for one in names[:8])}"
            raise DashpruneError(f"{key}: {path.name} has no column '{name}'{hint}")
    usual = recognised([name for name in names if name not in given.values()])
    found = {role: getattr(usual, role) for role in ("source", "target")} if usual else {}
    found = {**found, **given}
    for role in ("source", "target"):
        if not found.get(role):
            raise DashpruneError(f"{key}: name the {role}, too, such as {key}={{source: COLUMN, target: COLUMN}}")
    return Columns(**found)


def values(path: Path, table: pd.DataFrame, columns: Columns) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(E,) size of each edge, 0 for none; (E,) its sign, 1, -1, or 0 if it has none; and what there is to say.

    The size is the weight, or where all weights are alike the confidence, else 1. The sign is that of the sign column,
    or of the weight.

    Raises:
        DashpruneError: naming the first cell that is no number, sign or confidence.
    """
    said = []
    size, sign = np.ones(len(table)), np.zeros(len(table))
    if columns.weight is not None:
        weight = files.numbers(path, truth(table[columns.weight]))
        size, sign = np.abs(weight), np.sign(weight)
        if plain(columns.weight) == _STRING and size.max(initial=0) > 1:
            size = size / 1000
            said.append("scores were divided by 1,000")
        sign = sign if (weight < 0).any() else np.zeros(len(table))
    if columns.confidence is not None:
        if len(np.unique(size[size > 0])) > 1:
            said.append(f"of '{columns.weight}' and '{columns.confidence}' the former counts")
        else:
            size = size * _confidence(path, table[columns.confidence])
    if columns.sign is not None:
        sign, own = _sign(path, table[columns.sign])
        size = size * own
    elif columns.both is not None:
        up, down = (table[name].astype(str).str.strip().str.casefold().isin(_TRUE).to_numpy() for name in columns.both)
        sign = up.astype(float) - down
    return size, sign, said


def is_sign(cells: Iterable[object]) -> bool:
    """Whether all of these cells say activation, repression or neither, and some say it."""
    found = [str(cell).strip().casefold() for cell in cells]
    return all(cell in _UP | _DOWN | _NEITHER for cell in found) and any(cell in _UP | _DOWN for cell in found)


def truth(column: pd.Series) -> pd.Series:
    """True and False as 1 and 0."""
    words = column.astype(str).str.strip().str.casefold()
    return words.map({"true": "1", "false": "0"}).fillna(column) if words.isin(["true", "false"]).any() else column


def _sign(path: Path, column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Signs, and the sizes of numbers that are no mere signs (1 for all others)."""
    words = column.astype(str).str.strip().str.casefold().where(column.notna(), "").to_numpy()
    known = [1.0 if word in _UP else -1.0 if word in _DOWN else 0.0 if word in _NEITHER else np.nan for word in words]
    sign, size = np.array(known), np.ones(len(words))
    other = np.isnan(sign)
    if other.any():
        numbers = files.numbers(path, column[other], "it must be a sign: +, -, 1, -1, activation or repression")
        sign[other], size[other] = np.sign(numbers), np.abs(numbers)
    return sign, size


def _confidence(path: Path, column: pd.Series) -> np.ndarray:
    """Letters A to E, or numbers, as numbers."""
    letters = column.astype(str).str.strip().str.upper().str[:1].map(LETTERS)
    if letters.notna().all():
        return letters.to_numpy()
    found = files.numbers(path, column, "it must be a confidence: A to E, or a number")
    if (found < 0).any():
        row = column.index[int((found < 0).argmax())]
        raise DashpruneError(f"{path.name}: row {row}, column '{column.name}' is negative; a confidence is 0 or more")
    return found
