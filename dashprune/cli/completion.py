"""`dashprune completion`: a script by which the shell completes commands, options and keys of the configuration.

The script comes from argcomplete. At each press of the tab key it starts `dashprune` with `_ARGCOMPLETE` in its
environment; the parser of the command on the line then answers with what may come next, and nothing is run.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from dashprune.cli.parser import COMMANDS, Parser

if TYPE_CHECKING:
    from omegaconf import DictConfig

EXAMPLES = """\
examples:
  eval "$(dashprune completion bash)"        in ~/.bashrc
  eval "$(dashprune completion zsh)"         in ~/.zshrc, below compinit
  dashprune completion fish | source         in ~/.config/fish/config.fish
"""


def main(words: list[str]) -> int:
    parser = Parser(
        prog="dashprune completion",
        description="Print a script for a shell, by which the tab key completes commands, options and KEY=VALUE.",
        epilog=EXAMPLES,
    )
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], help="which shell")
    shell = parser.parse_args(words).shell

    from argcomplete.shell_integration import shellcode

    print(shellcode(["dashprune"], shell=shell))
    return 0


def answer() -> list[str]:
    """Let every parser answer the shell in place of parsing.

    Returns:
        The words whose parser is to answer: the command on the line, or none if it is the command that is completed.
    """
    from argcomplete.lexers import split_line

    for method in ("parse_args", "parse_intermixed_args"):
        setattr(Parser, method, _answer)
    typed = split_line(os.environ["COMP_LINE"], int(os.environ["COMP_POINT"]))[3]
    if len(typed) < 2 or typed[1] not in COMMANDS:
        return []
    os.environ["_ARGCOMPLETE"] = "2"  # the command's own arguments begin behind the second word
    return [typed[1]]


def _answer(parser: Parser, *_: object) -> None:
    """Write what may come next where the script reads it, and end the process."""
    from argcomplete import autocomplete

    if parser.prog == "dashprune":
        parser.add_argument("command")
    _equip(parser)
    autocomplete(parser, always_complete_options=False)


def _equip(parser: argparse.ArgumentParser) -> None:
    """Give the arguments of a parser, and of those below it, the completers that bear their names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _equip(below)
        elif action.dest in COMPLETERS:
            action.completer = COMPLETERS[action.dest]  # type: ignore[attr-defined]


def _commands(**_: Any) -> dict[str, str]:
    return COMMANDS


def _groups(**_: Any) -> tuple[str, ...]:
    from dashprune.cli.check import GROUPS

    return GROUPS


def _items(**_: Any) -> list[str]:
    from dashprune.config import choices

    return [*choices("paper"), "all"]


def _datasets(**_: Any) -> list[str]:
    from dashprune.config import choices

    return [*choices("dataset"), "all"]


def _launchers(**_: Any) -> list[str]:
    from dashprune.config import EXTRAS

    return ["basic", *EXTRAS]


def _overrides(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Every `KEY=` of the configuration that the words before give; behind the sign, its choices or its default."""
    from dashprune.config import choices, compose_sweep

    key, sign, value = prefix.partition("=")
    names = _launchers() if key == "hydra/launcher" else choices(key)
    if sign and names:
        before = value[: value.rfind(",") + 1]  # of a sweep
        return [f"{key}={before}{name}" for name in names]
    config = compose_sweep([word for word in parsed_args.overrides or () if "=" in word])
    keys = dict(_leaves(config))
    if sign:
        return [f"{key}={known}" for known in _values(keys.get(key), value)]
    groups = [name for name in config.hydra.runtime.choices if not name.startswith("hydra/")]
    return [f"{name}=" for name in dict.fromkeys([*groups, "hydra/launcher", *keys])]


def _values(default: str | None, typed: str) -> Iterable[str]:
    """The default of a key; files, if it has none or something else is typed; nothing, if there is no such key."""
    if default is None:
        return ()
    if default not in ("null", "???") and default.startswith(typed):
        return (default,)
    from argcomplete.completers import FilesCompleter

    return FilesCompleter()(typed)


def _leaves(config: DictConfig) -> Iterator[tuple[str, str]]:
    """Each key that has a value of its own, with the value as the command line takes it."""
    from omegaconf import OmegaConf

    def walk(node: Any, parents: str) -> Iterator[tuple[str, str]]:
        for name, value in node.items():
            if isinstance(value, dict) and value:
                yield from walk(value, f"{parents}{name}.")
            elif name not in ("name", "_target_"):
                yield f"{parents}{name}", json.dumps(value, separators=(",", ":")).strip('"')

    own = OmegaConf.masked_copy(config, [str(name) for name in config if name != "hydra"])
    return walk(OmegaConf.to_container(own, resolve=True), "")


COMPLETERS: dict[str, Callable[..., Iterable[str]]] = {
    "command": _commands,
    "groups": _groups,
    "item": _items,
    "launcher": _launchers,
    "name": _datasets,
    "overrides": _overrides,
}
"""By the name under which a parser keeps the argument, what it may be; for others, argcomplete offers files."""
