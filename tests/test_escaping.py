from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashprune import escaping, files


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ("=1+1", "'=1+1"), ("+x", "'+x"), ("-x", "'-x"), ("@SUM(A1)", "'@SUM(A1)"), ("'=x", "''=x"), ("\tx", "'\tx"),
        ("-0.5", "-0.5"), ("+1e-3", "+1e-3"), ("TP53", "TP53"), ("'x", "'x"), ("a=b", "a=b"), (-3, -3), ("", ""),
        ("+", "+"),
    ],
)  # fmt: skip
def test_a_cell_is_no_formula(content: object, written: object) -> None:
    assert escaping.cell(content) == written


@given(st.text())
def test_a_cell_is_read_back_as_it_was(text: str) -> None:
    assert escaping.original(str(escaping.cell(text))) == text


def test_tables_of_both_kinds_are_escaped() -> None:
    text = files.delimited(["source", "effect"], [["=cmd()", "-1"]], "\t")
    assert text == "source\teffect\n'=cmd()\t-1\n"
    table = pd.DataFrame({"source": ["=cmd()"], "effect": [-1.0]})
    assert escaping.delimited(table, "\t") == "source\teffect\n'=cmd()\t-1.0\n"
    assert next(csv.DictReader(io.StringIO(escaping.delimited(table)))) == {"source": "'=cmd()", "effect": "-1.0"}


def test_latex_runs_nothing() -> None:
    assert escaping.latex(r"\input{/etc/passwd}$^~_%&#") == (
        r"\textbackslash{}input\{/etc/passwd\}\$\textasciicircum{}\textasciitilde{}\_\%\&\#"
    )


def test_markdown_has_no_links_html_or_bars_of_a_cell() -> None:
    table = pd.DataFrame({"gene": ["<img src=x>", "[a](b)", "a|b\nc", "\x1b[2J", None]})
    lines = escaping.markdown(table).splitlines()[2:]
    assert [line.strip("| ") for line in lines] == ["&lt;img src=x>", r"\[a](b)", r"a\|b c", r"\x1b\[2J", ""]
