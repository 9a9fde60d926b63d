"""`dashprune run`: one run, or with -m all combinations of comma-separated values."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashprune import classes, files
from dashprune.cli.parser import Parser
from dashprune.errors import DashpruneError, closest, put, say

if TYPE_CHECKING:
    from dashprune.runs.sweeps import Outcomes

DESCRIPTION = """\
Train, prune and evaluate a model, and print its row of the result table.

KEY=VALUE sets any key of conf/config.yaml. A group (dataset, model, pruner, control, train, solver, protocol, grid) is
set to the name of one of its files. A run that is done is not repeated: its row is printed. A run that was stopped goes
on where it was. So a sweep (-m), too, is resumed by repeating its command, whatever launcher it has: basic (one run
after the other), joblib (as many at once as there are cores), submitit_local, submitit_slurm or ray.
"""

EXAMPLES = """\
examples:
  dashprune run model=phoenix pruner=dash
  dashprune run pruner=dash pruner.lambda_1=0.5 pruner.lambda_2=0.9 train.epochs=100
  dashprune run dataset.network=published dataset.noise=0.05 pruner=imp solver=rk4
  dashprune run dataset=custom dataset.expression=expression.csv dataset.prior=prior.csv     your own data
  dashprune run -m pruner=dash,imp,none seed=0,1,2
  dashprune run -m pruner=dash grid=coarse hydra/launcher=joblib     25 pairs of lambda_1 and lambda_2
  dashprune run -m control=prior,lasso     what is to be beaten: edges found without a neural model
  dashprune run -m 'seed=range(16)' vectorize=true threads=2    16 runs trained as one model
  dashprune run --cfg job pruner=imp       print the configuration and do nothing
"""


def main(words: list[str]) -> int:
    parser = Parser(
        prog="dashprune run",
        usage="dashprune run [KEY=VALUE ...] [-m]",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="values to change")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("-m", "--multirun", action="store_true", help="run all combinations of a=1,2 b=x,y")
    kind.add_argument("--cfg", choices=["job", "hydra", "all"], help="print the configuration and stop")
    parser.add_argument("--config-dir", metavar="DIR", help="a further folder of yaml files, laid out like conf/")
    chosen = parser.parse_intermixed_args(words)
    for word in chosen.overrides:
        if "=" not in word and not word.startswith("~"):
            raise DashpruneError(f"'{word}' is not KEY=VALUE{_meant(word)}; see dashprune run --help")
    if chosen.config_dir is not None:
        _check_names(Path(chosen.config_dir))
        _check_selected(Path(chosen.config_dir), chosen.overrides)
    classes.trust(chosen.overrides, chosen.config_dir)
    flags = [word for word in words if word not in chosen.overrides]  # Hydra wants them before KEY=VALUE
    if chosen.multirun:
        return _sweep(flags, chosen.overrides, chosen.config_dir)
    return _single(flags, chosen.overrides)


def _meant(word: str) -> str:
    """What a word without = may be: a choice of a group, or a key, or nearly one."""
    from dashprune.config import choices, compose

    keys = [*map(str, compose())]
    key, sign, value = word.partition(":")
    if sign and key.partition(".")[0] in keys:
        return f"; did you mean {key}={value}?"
    if word in keys:
        return f"; give it a value: {word}=VALUE"
    meant = {key: f"{key}=VALUE" for key in keys}
    meant |= {name: f"{group}={name}" for group in reversed(keys) for name in choices(group)}
    close = closest(word, meant)
    return f"; did you mean {meant[close]}?" if close else ""


def _check_names(folder: Path) -> None:
    """Refuse a yaml of the user that bears the name of one that comes with dashprune, which Hydra would use instead."""
    from dashprune.config import choices

    for path in sorted(folder.glob("*/*.yaml")):
        files.read_yaml(path)
        if path.stem in choices(path.parent.name):
            raise DashpruneError(
                f"--config-dir: {path} bears the name of a file that comes with dashprune, and would not be used; "
                f"give it another name"
            )


def _check_selected(folder: Path, overrides: list[str]) -> None:
    """Refuse a file made from results that says more than which choices and values were chosen."""
    from dashprune.analysis import choose_lambda

    for word in overrides:
        key, _, names = word.partition("=")
        if key.lstrip("+") == "selected":
            for name in names.strip("[]").split(","):
                choose_lambda.check(folder / "selected" / f"{name}.yaml")


def _single(flags: list[str], overrides: list[str]) -> int:
    from dashprune import config

    rows: list[dict[str, Any]] = []
    mistakes: list[DashpruneError] = []  # Hydra would print a line of its own if they were raised through it
    begun = False

    def task(cfg: Any) -> None:
        nonlocal begun
        begun = True
        try:
            rows.append(_alone(cfg, overrides))
        except DashpruneError as error:
            mistakes.append(error)

    try:
        _hydra(flags, overrides, task)
    except config.OF_HYDRA as error:
        if begun:
            raise
        raise DashpruneError(config.explain(error, overrides)) from error
    for mistake in mistakes:
        raise mistake
    _print_table(rows)

    from dashprune.runs import identity

    for row in rows:
        say(f"the run is in {identity.folder_of(row)}")
    return 0


def _alone(cfg: Any, overrides: list[str]) -> dict[str, Any]:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from dashprune.runs.run import train_prune_eval

    own = HydraConfig.get()
    if own.mode != RunMode.RUN:
        raise DashpruneError("hydra.mode: MULTIRUN is a sweep; use dashprune run -m in its place")
    grid = own.runtime.choices["grid"]
    if grid != "none":
        raise DashpruneError(f"grid={grid} is a sweep; add -m: dashprune run -m {shlex.join(overrides)}")
    return train_prune_eval(cfg)


def _sweep(flags: list[str], overrides: list[str], config_dir: str | None) -> int:
    from dashprune.runs import sweeps

    shared, folder, more = sweeps.prepare(overrides, config_dir)
    more = [*overrides, *more]
    if shared.vectorize is True:
        return _report(_together(flags, more), overrides, config_dir)
    gave_up = None
    try:
        _hydra(flags, more, sweeps.job)
    except DashpruneError:
        raise
    except Exception as error:  # a launcher's own, such as joblib's when a worker was killed
        gave_up = error
    outcomes = sweeps.outcomes(folder)
    if gave_up is not None and not any(outcomes):
        raise gave_up  # before any job began: a defect
    code = _report(outcomes, overrides, config_dir)
    if gave_up is not None:
        reason = f"{type(gave_up).__name__}: {str(gave_up).splitlines()[0]}"
        raise DashpruneError(f"the launcher gave up before all jobs were done ({reason}); repeat the command to go on")
    return code


def _together(flags: list[str], overrides: list[str]) -> Outcomes:
    """Train the runs of a sweep as one model, as far as they are alike, once Hydra has named them all."""
    from dashprune.runs.run import train_prune_eval_together
    from dashprune.runs.sweeps import gather, task_words

    jobs: list[tuple[list[str], Any]] = []
    _hydra(flags, overrides, lambda cfg: jobs.append((task_words(), cfg)))
    ends = train_prune_eval_together([cfg for _, cfg in jobs])
    ended = [str(end) if isinstance(end, DashpruneError) else end for end in ends]
    return gather([(words, end) for (words, _), end in zip(jobs, ended, strict=True)])


def _hydra(flags: list[str], overrides: list[str], task: Callable[[Any], None]) -> None:
    """Hand over to Hydra, which composes the configuration and calls `task` once, or many times with -m."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from dashprune.config import conf_dir, explain, parse

    parse(overrides)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors instead of printing several lines
    sys.argv = ["dashprune run", *flags, *overrides]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir().resolve()), config_name="config")(task)()
    except (HydraException, OmegaConfBaseException) as error:
        raise DashpruneError(explain(error, overrides)) from error


def _print_table(rows: list[dict[str, Any]]) -> None:
    if rows:
        from dashprune.analysis.tables import markdown, summary

        put(markdown(summary(rows)))


def _report(outcomes: Outcomes, overrides: list[str], config_dir: str | None) -> int:
    """Print the table, and each failure with its error and the command that runs it alone."""
    from dashprune.runs.sweeps import command

    _print_table(outcomes.rows)
    before = ["--config-dir", config_dir] if config_dir else []
    before += [word for word in overrides if word.startswith("hydra.searchpath=")]
    for words, error in outcomes.failures:
        say(f"failed: {error.rstrip()}\n  {command(words, before)}")
    return 2 if outcomes.failures else 0
