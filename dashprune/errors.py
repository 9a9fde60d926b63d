"""The one exception for a user's mistake, and how alternatives to a misspelling are offered."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DashpruneError(Exception):
    """A mistake the user can mend. The message is one line: the problem, the value, the fix.

    The command line prints it on standard error and exits with code 2.
    """


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`"; did you mean 'TP53'?"` for the choice closest to `word`, or an empty string if none is close."""
    close = difflib.get_close_matches(word, list(choices), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
