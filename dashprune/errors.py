"""The one exception for a user's mistake, how alternatives to a misspelling are offered, and the way to say things."""

from __future__ import annotations

import difflib
import os
import re
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress


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


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that is spelt most like `word`; None if none is close."""
    return next(iter(difflib.get_close_matches(word, list(choices), n=1)), None)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`"; did you mean 'TP53'?"` for the choice closest to `word`, or an empty string if none is close."""
    close = closest(word, choices)
    return f"; did you mean '{close}'?" if close is not None else ""


class DefectError(DashpruneError):
    """A defect, ours or of a class of the user, that ended one of several runs; its message is the traceback."""

    def __init__(self, cause: Exception) -> None:
        super().__init__("".join(traceback.format_exception(cause)))
        self.cause = cause


def say(text: str) -> None:
    """Say something on standard error, which is for people; standard output is for what was asked for."""
    note(f"dashprune: {text}")


def note(text: str) -> None:
    """A line on standard error; one that is closed or full stops nothing."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(printable(text, sys.stderr.encoding), file=sys.stderr, flush=True)


def put(text: str) -> None:
    """Lines on standard output: what was asked for. Where it is closed or full, work goes on; see `unshown`."""
    global _unshown
    try:
        print(printable(text, sys.stdout.encoding), flush=True)
    except OSError as error:
        _unshown = error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unshown() -> OSError | None:
    """Why standard output did not take what was `put` there, if it did not; asking forgets it."""
    global _unshown
    error, _unshown = _unshown, None
    return error


def printable(text: str, encoding: str | None = None) -> str:
    """A text as a terminal of this encoding can show it: no signs that move its cursor or change its colours."""
    text = _CONTROL.sub(lambda sign: sign.group().encode("unicode_escape").decode("ascii"), text)
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8")
    return text


_unshown: OSError | None = None
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Signs that steer a terminal, or turn the direction of a text."""
_PLAIN = str.maketrans({"✓": "x", "±": "+-", "–": "-", "…": "...", "·": "."})
"""What stands for signs of ours that an encoding lacks."""
