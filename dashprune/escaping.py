"""Names that somebody else gave, such as those of genes, written so that they are names wherever they are read."""

from __future__ import annotations

import re

import pandas as pd
from tabulate import tabulate

from dashprune.errors import printable

_FORMULA = re.compile(r"'*[=+\-@\t\r].")
"""How a cell begins that a spreadsheet would run as a formula, and one that was escaped."""
_MARKDOWN = str.maketrans({"|": r"\|", "<": "&lt;", "[": r"\[", "\n": " ", "\t": " "})
_LATEX = str.maketrans({
    "✓": r"$\checkmark$", "±": r"$\pm$", "–": "--", "\\": r"\textbackslash{}", "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}", **{sign: rf"\{sign}" for sign in "_%&#${}"},
})  # fmt: skip


def cell(content: object) -> object:
    """A cell of a CSV or TSV: a text that a spreadsheet would take for a formula gets a quote before it."""
    return f"'{content}" if isinstance(content, str) and _FORMULA.match(content) and not _number(content) else content


def original(text: str) -> str:
    """What `cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def delimited(table: pd.DataFrame, sep: str = ",") -> str:
    """A table as CSV or TSV, its texts as `cell` writes them."""
    texts = table.select_dtypes(exclude=["number", "bool"]).columns
    shown = table.assign(**{name: table[name].map(cell) for name in texts})
    return str(shown.rename(columns=cell).to_csv(sep=sep, index=False))


def latex(plain: str) -> str:
    """A text whose signs LaTeX does not take for commands."""
    return printable(plain).translate(_LATEX)


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, whose cells hold no links, HTML or bars of their own."""
    shown = {str(_markdown(str(name))): [_markdown(one) for one in table[name]] for name in table}
    return tabulate(shown, headers="keys", tablefmt="github", disable_numparse=True)


def _markdown(content: object) -> str:
    return "" if content is None else printable(str(content)).translate(_MARKDOWN)


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
