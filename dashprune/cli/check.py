"""`dashprune check`: compose and check every configuration file."""

from __future__ import annotations

from dashprune.cli.parser import Parser
from dashprune.errors import DashpruneError, did_you_mean, put, say

GROUPS = ("dataset", "model", "pruner", "control", "train", "solver", "protocol", "grid", "paper")


def main(words: list[str]) -> int:
    parser = Parser(
        prog="dashprune check",
        description="Compose every file under conf/ into a configuration, and check all names, types and ranges.",
        epilog="examples:\n  dashprune check\n  dashprune check pruner paper",
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"only these: {', '.join(GROUPS)}")
    groups = parser.parse_args(words).groups or GROUPS
    for group in groups:
        if group not in GROUPS:
            raise DashpruneError(
                f"there is no group '{group}'{did_you_mean(group, GROUPS)}; groups: {', '.join(GROUPS)}"
            )

    from dashprune.config import choices

    wrong = 0
    for group in groups:
        for choice in choices(group):
            try:
                _check(group, choice)
                put(f"{group}/{choice}.yaml: ok")
            except DashpruneError as error:
                wrong += 1
                say(f"{group}/{choice}.yaml: {error}")
    return 2 if wrong else 0


def _check(group: str, choice: str) -> None:
    """Compose what one file says and check it."""
    from dashprune.config import compose
    from dashprune.paper.items import check_item
    from dashprune.runs.checked import check

    if group == "paper":
        return check_item(choice)
    if group == "grid":
        return _check_grid(choice)
    cfg = compose([f"+train={choice}"] if group == "train" else [f"{group}={choice}"])
    if cfg[group].get("name", choice) != choice:
        raise DashpruneError(f"{group}.name: '{cfg[group].name}' must be the file's name, '{choice}'")
    if group == "pruner":
        return _check_with_a_model(choice)
    check(cfg)
    return None


def _check_with_a_model(pruner: str) -> None:
    """A strategy is valid if it is with one of the models, of which the default one is the first to be tried."""
    from dashprune.config import choices, compose
    from dashprune.runs.checked import check

    reason: DashpruneError | None = None
    for words in ([], *([f"model={model}"] for model in choices("model"))):
        try:
            check(compose([f"pruner={pruner}", *words]))
            return
        except DashpruneError as error:
            reason = reason or error
    assert reason is not None
    raise reason


def _check_grid(choice: str) -> None:
    """Every value of each axis, the other axes at their defaults."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from dashprune.config import compose, compose_sweep, parse
    from dashprune.runs.checked import check

    params = compose_sweep([f"grid={choice}"]).hydra.sweeper.params or {}
    cfg = compose()
    for axis in parse([f"{key}={values}" for key, values in params.items()]):
        for value in axis.sweep_iterator():
            changed = cfg.copy()
            try:
                OmegaConf.update(changed, axis.key_or_group, value)
            except OmegaConfBaseException as error:
                raise DashpruneError(f"{axis.key_or_group}: there is no such key with pruner=dash") from error
            check(changed)
