"""`dashprune`: finds the subcommand and turns a user's mistake into one line and exit code 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from dashprune import __version__
from dashprune.cli.parser import COMMANDS, Parser
from dashprune.errors import DashpruneError, did_you_mean, put, say, unshown

EXAMPLES = """\
examples:
  dashprune run model=phoenix pruner=dash        train, prune, evaluate; prints a table row
  dashprune run -m pruner=dash,imp seed=0,1,2    all combinations
  dashprune tables                               mean and standard deviation over seeds
  dashprune edges                                how probable each edge is; novel and contradicted ones first
  dashprune select                               the best lambda of a sweep
  dashprune plot 2c4de33f470a                    history, trajectories and degrees of a run, by its id
  dashprune report 2c4de33f470a                  a run as one page for the browser
  dashprune export 2c4de33f470a --to cx2         a run's network for Cytoscape; or graphml, h5ad, sbml, ...
  dashprune compare 2c4de33f470a 83ab            which edges, hubs and targets differ between runs
  dashprune reproduce table1 --dry-run           a table of the paper: its runs, those done, the time left
  dashprune data fetch yeast                     download the files of a dataset

`dashprune COMMAND --help` explains a command.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 for a defect, 2 for a user's mistake or a job that failed."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_streams()
    try:
        if "_ARGCOMPLETE" in os.environ:  # the tab key was pressed
            words = import_module("dashprune.cli.completion").answer()
        code = _dispatch(words)
        sys.stdout.flush()
        lost = unshown()
        if lost is None or isinstance(lost, BrokenPipeError):  # whoever read the output, such as head, has seen enough
            return code
        say(f"standard output cannot be written ({lost.strerror}); what was made is in its files")
        return 2
    except DashpruneError as error:
        say(str(error))
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        say("interrupted; repeat the command to go on")
        return 130


def _open_streams() -> None:
    """Where standard streams are closed, open nothing in their place, or the next file would be taken for them."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:  # as low as is free
        pass
    os.close(handle)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115


def _dispatch(words: list[str]) -> int:
    if words and words[0] in COMMANDS:
        return int(import_module(f"dashprune.cli.{words[0]}").main(words[1:]))
    if words and not words[0].startswith("-"):
        hint = did_you_mean(words[0], COMMANDS)
        raise DashpruneError(f"there is no command '{words[0]}'{hint}; commands: {', '.join(COMMANDS)}")
    lines = "\n".join(f"  {name:10} {text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog="dashprune",
        usage="dashprune COMMAND ...",
        description=f"Prune neural ODEs of gene regulation with data and a prior network.\n\ncommands:\n{lines}",
        epilog=EXAMPLES,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    if parser.parse_args(words).version:
        put(f"dashprune {__version__}")
    else:
        parser.print_help()
    return 0


if __name__ == "__main__":
    sys.exit(main())
