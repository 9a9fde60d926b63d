"""The one exception for a user's mistake, how alternatives to a misspelling are offered, and the way to say things."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable


class DashpruneError(Exception):
    """A mistake the user can mend. The message is one line: the problem, the value, the fix.

    The command line prints it on standard error and exits with code 2.
    """


class MendableError(DashpruneError):
    """A mistake for which there are overrides, such as `dataset.sample=null`, that mend it or come nearest to that.

    Attributes:
        overrides: as `dashprune run` takes them, quoted for Hydra.
    """

    def __init__(self, message: str, *overrides: str) -> None:
        super().__init__(message)
        self.overrides = overrides


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`"; did you mean 'TP53'?"` for the choice closest to `word`, or an empty string if none is close."""
    close = difflib.get_close_matches(word, list(choices), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def say(text: str) -> None:
    """Say something on standard error, which is for people; standard output is for what was asked for."""
    print(f"dashprune: {text}", file=sys.stderr, flush=True)
