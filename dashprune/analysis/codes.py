"""Which code made the lines of a table, and marks for them where it is not the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dashprune.runs import provenance
from dashprune.runs.results import Result

_BETWEEN = "; "


def joined(rows: Iterable[Result]) -> str:
    """The codes that made the runs of a line, such as `0.1.0, commit 1a2b3c4d5e`; empty without runs."""
    return _BETWEEN.join(provenance.codes(rows))


def numbers(lines: Iterable[str]) -> dict[str, str]:
    """A number for each code that made lines of a table, each as from `joined`; none if all are of the same code."""
    every = dict.fromkeys(code for line in lines if line for code in line.split(_BETWEEN))
    return {code: str(k) for k, code in enumerate(every, 1)} if len(every) > 1 else {}


def column(lines: Iterable[str], numbers: Mapping[str, str]) -> dict[str, list[str]]:
    """The column `code` of a table, such as `1` or `1, 2`; nothing if there are no numbers."""
    if not numbers:
        return {}
    return {"code": [", ".join(numbers[code] for code in line.split(_BETWEEN) if code) for line in lines]}


def note(numbers: Mapping[str, str]) -> list[str]:
    """The line below a table that says what the numbers stand for; nothing if there are none."""
    told = _BETWEEN.join(f"{number} is {code}" for code, number in numbers.items())
    return [f"Not all runs were made by the same code: {told}."] if numbers else []
