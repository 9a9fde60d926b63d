"""Composing a configuration with Hydra and checking it: names, types and ranges.

Hydra composes the yaml files under conf/ and refuses keys that do not exist. Types and ranges are declared once, as
annotations of the dataclass or constructor that takes the value, and checked here by pydantic. So a new dataset,
model or pruner declares its own options and nothing else is edited.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from dashprune import classes
from dashprune.errors import DashpruneError, did_you_mean

T = TypeVar("T")
Seed = Annotated[int, Field(ge=0)]
PositiveInt = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Plateau:
    """When the learning rate falls: see torch.optim.lr_scheduler.ReduceLROnPlateau, absolute threshold.

    Attributes:
        factor: new over old learning rate.
        patience: epochs without an improvement that are still tolerated.
        threshold: smallest fall of the validation error (or the loss, without validation) that counts as one, in
            squared units of expression.
        min_lr: floor for every parameter's learning rate.
    """

    factor: Annotated[float, Field(gt=0, lt=1)]
    patience: Annotated[int, Field(ge=0)]
    threshold: Annotated[float, Field(ge=0)]
    min_lr: Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class Train:
    """The training protocol.

    Attributes:
        epochs: passes over the training trajectories.
        batch_trajectories: trajectories per optimiser step, all their transitions together.
        learning_rate: of Adam.
        steps: optimiser steps of the whole training, at least: with few trajectories, each epoch passes over them
            several times, always as often.
        plateau: when the learning rate falls.
        early_stop: stop after this many epochs in a row without a new best validation error (or loss, without
            validation), once the pruning schedule has finished; null never stops early.
        checkpoint_every: epochs between checkpoints; a killed run loses at most these.
    """

    epochs: PositiveInt
    batch_trajectories: PositiveInt
    learning_rate: Annotated[float, Field(gt=0)]
    plateau: Plateau
    early_stop: PositiveInt | None
    checkpoint_every: PositiveInt
    steps: PositiveInt = 1

    def passes(self, trajectories: int) -> int:
        """How often an epoch passes over this many training trajectories."""
        once = math.ceil(trajectories / self.batch_trajectories)
        return math.ceil(self.steps / (self.epochs * once))


@dataclass(frozen=True)
class Protocol:
    """In what the published code differs from this project; models and strategies hold copies of these.

    Attributes:
        recovery: see dashprune.models.phoenix.Phoenix.
        importance: the same.
        normalize: see dashprune.pruners.dash.Dash.
        random_gates: see dashprune.pruners.l0.L0.
    """

    recovery: bool
    importance: Literal["abs", "exp"]
    normalize: bool
    random_gates: bool


@dataclass(frozen=True)
class Run:
    """Top-level keys that are not a config group of their own.

    Attributes:
        seed: of everything random.
        device: auto, cpu, cuda or cuda:N.
        threads: CPU threads of the run.
        outputs: folder of results.
        force: train again although the result is there.
        bootstrap: number of a bootstrap sample of the training trajectories; null trains on all, each once.
        shuffled: number of a shuffling of each gene's training data over all time points; null leaves them as they are.
        vectorize: train all runs of a sweep as one model; a result does not say whether it was.
        ranking: write ranking.tsv, too, all pairs of genes in order; of a run that is done without training again.
        knockouts: score predicted knock-outs, too, where their outcome is known; of a run that is done, as `ranking`.
        hidden: hidden units, for models that have them, whose own option holds a copy.
    """

    seed: Seed
    device: str
    threads: PositiveInt
    outputs: Path
    force: bool
    bootstrap: PositiveInt | None = None
    shuffled: PositiveInt | None = None
    vectorize: bool = False
    ranking: bool = False
    knockouts: bool = False
    hidden: int | list[int] | None = None


def conf_dir() -> Path:
    """The folder of yaml files: inside the installed package, or beside it in a source checkout."""
    package = Path(__file__).parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def choices(group: str) -> list[str]:
    """Names that can be chosen for a config group, which are its yaml files."""
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def compose(overrides: Sequence[str] = ()) -> DictConfig:
    """The configuration that `dashprune run` would use with these Hydra overrides, such as `["pruner=imp", "seed=1"]`.

    Raises:
        DashpruneError: on an unknown key or choice, in one line.
    """
    parsed = parse(overrides)
    classes.trust(overrides)
    if not all(map(_is_plain, parsed)):
        return _composed(overrides, overrides)
    groups = [word for word, override in zip(overrides, parsed, strict=True) if choices(override.key_or_group)]
    values = [override for override in parsed if not choices(override.key_or_group)]
    try:
        composed = _chosen(conf_dir(), *groups).copy()
        for override in values:
            added = override.is_force_add()
            OmegaConf.update(composed, override.key_or_group, override.value(), force_add=added)
    except (DashpruneError, OmegaConfBaseException, *OF_HYDRA):
        return _composed(overrides, overrides)  # which says what is amiss
    return composed


@functools.cache
def _chosen(folder: Path, *words: str) -> DictConfig:
    """What these choices of files are composed to, which takes most of the time and is the same for many runs."""
    return _composed(words, words)


def _is_plain(override: Override) -> bool:
    """Whether it chooses a file for a group, or sets a key whether it is there or not; and is not for Hydra."""
    key = override.key_or_group
    sets = override.type is OverrideType.CHANGE or (override.is_force_add() and not choices(key))
    elsewhere = override.package is not None or re.match("hydra|.*/", key)
    return sets and not elsewhere and not override.is_sweep_override()


def compose_sweep(overrides: Sequence[str], folder: str | None = None) -> DictConfig:
    """What the runs of a sweep share, with Hydra's own settings under `hydra`: the configuration without swept keys.

    Args:
        overrides: the sweep's, such as `["pruner=dash,imp", "seed=1"]`.
        folder: a further folder of yaml files, laid out like conf/.

    Raises:
        DashpruneError: on an unknown key or choice, in one line.
    """
    shared = [w for w, o in zip(overrides, parse(overrides), strict=True) if not o.is_sweep_override()]
    if folder is not None:
        if any(word.startswith("hydra.searchpath=") for word in shared):
            raise DashpruneError(f"--config-dir {folder}: in a sweep, add it to hydra.searchpath or leave that out")
        shared.append(f"hydra.searchpath=[{quoted(f'file://{Path(folder).resolve()}')}]")
    return _composed(shared, overrides, return_hydra_config=True)


def quoted(text: str) -> str:
    """Text as a value on Hydra's command line, whatever signs it has."""
    return "'" + text.replace("'", r"\'") + "'"


def override(key: str, value: Any) -> str:
    """`KEY=VALUE` as Hydra reads it, with quotes only where a value needs them.

    Args:
        key: with dots.
        value: None, a truth value, a number, text or a list of these.
    """
    return f"{key}={_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_shown, value))}]"
    if value is None or isinstance(value, bool | int | float):
        return "null" if value is None else str(value).lower()
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z_./][\w./-]*", text, re.ASCII) is not None
    return text if plain and text.casefold() not in ("null", "true", "false", "nan", "inf") else quoted(text)


def _composed(overrides: Sequence[str], given: Sequence[str], **options: bool) -> DictConfig:
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir().resolve()), version_base="1.3"):
            return hydra_compose("config", overrides=list(overrides), **options)
    except (HydraException, OmegaConfBaseException, *OF_HYDRA) as error:
        raise DashpruneError(explain(error, given)) from error


OF_HYDRA = (ValueError, AssertionError)
"""What Hydra and OmegaConf raise beside errors of their own, where something of another form is put into a key."""
EXTRAS = {"joblib": "joblib", "submitit_local": "slurm", "submitit_slurm": "slurm", "ray": "ray"}
"""The extra of dashprune with which each launcher comes."""


def explain(error: Exception, overrides: Sequence[str]) -> str:
    """One line for an error of Hydra: the key, its value and the allowed ones."""
    text = " ".join(str(error).split()).removeprefix("In 'config': ").split(" Config search path:")[0]
    if isinstance(error, OF_HYDRA):
        return f"{' '.join(overrides)}: Hydra cannot put this together ({text or type(error).__name__})"
    absent = re.search(r"Could not find 'hydra/launcher/(\w+)'", text)
    if absent and absent[1] in EXTRAS:
        extra = EXTRAS[absent[1]]
        where = f"'dashprune[{extra}]', or '.[{extra}]' in a checkout"
        return f"hydra/launcher={absent[1]} is not installed; install it with pip install {where}"
    choice = re.search(r"Could not find '([\w/]+)/([^'/]*)' Available options in '[^']+': ([\w ]+)", text)
    if choice:
        group, name, known = choice[1], choice[2], choice[3].split()
        return f"{group}={name}: there is no such choice{did_you_mean(name, known)}; choices: {', '.join(known)}"
    unknown = re.match(r"Could not override '([^']+)'", text)
    return _unknown_key(unknown[1], overrides) if unknown else mended(text)


_MENDED = {
    r"Missing mandatory value: (?P<key>\S+)": "{key}: a value is missing",
    r"Interpolation key '(?P<key>[^']+)' not found full_key: (?P<by>\S+)": (
        "{by} needs {key}, which is not set; leave out what removes it"
    ),
    r"Could not append to config. An item is already at '(?P<key>[^']+)'": (
        "{key}: this key is there already; set it without the +"
    ),
    r"Could not delete from config. '(?P<key>[^']+)' does not exist": "~{key}: there is no such key to be removed",
    r"Sweep parameters '(?P<word>.*)' requires --multirun": "{word} has several values; add -m for a run of each",
    r"Ambiguous value for argument '(?P<key>[^=]+)=(?P<values>[^']*)'": (
        "{key}={values} has several values; add -m for a run of each, or write {key}=[{values}] if it is one list, "
        "\"{key}='{values}'\" if it is one text"
    ),
}
"""What Hydra and OmegaConf say, and what this command line says of it."""


def mended(text: str) -> str:
    """An error of Hydra or OmegaConf in the words of this command line, or as it is."""
    for pattern, words in _MENDED.items():
        if found := re.match(pattern, text):
            return words.format(**found.groupdict())
    return text


def _unknown_key(key: str, overrides: Sequence[str]) -> str:
    """One line for a key that cannot be set."""
    given = next((word for word in overrides if _key(word) == key), None)
    grid = next((word for word in overrides if _key(word) == "grid"), None)
    if given is None and grid is not None:
        return f"{grid} needs {key}, which not every pruner of this sweep has; set pruner=dash"
    given = given or key
    parent, _, name = key.rpartition(".")
    problem = f"{given}: there is no key '{name}'{' under ' + parent if parent else ''}"
    others = [word for word in overrides if _key(word).lstrip("+~") != key]
    keys = _keys(parent, others)
    if keys is None:
        return f"{problem} (in at least one combination, if this is a sweep)"
    if name in keys:
        inner = _keys(key, [])
        if inner:
            return f"{given}: {key} has no files to choose from; set its keys: {', '.join(inner)}"
        if (origin := _origin(parent, others)) is not None:
            return f"{given}: {parent} takes its keys from elsewhere; set {origin}.{name}"
        return f"{given}: this cannot be set"
    add = f", or add it with +{given}" if parent.endswith("options") else ""
    return f"{problem}{did_you_mean(name, keys)}; keys there: {', '.join(keys) or 'none'}{add}"


def _origin(key: str, overrides: Sequence[str]) -> str | None:
    """The key that this one, such as `pruner.schedule`, has its value from; None if it has one of its own."""
    node: Any = OmegaConf.to_container(compose(overrides), resolve=False)
    for name in key.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    found = re.fullmatch(r"\$\{([\w.]+)\}", node) if isinstance(node, str) else None
    return found[1] if found else None


def _key(word: str) -> str:
    return word.partition("=")[0]


def _keys(parent: str, overrides: Sequence[str]) -> list[str] | None:
    """The keys that can be set below `parent`; None if they cannot be told.

    That is so for a sweep, whose other values may be lists of choices, and for a key of Hydra's own.
    """
    try:
        return [str(name) for name in OmegaConf.select(compose(overrides), parent)]
    except (DashpruneError, OmegaConfBaseException, TypeError):
        return None


def parse(overrides: Sequence[str]) -> list[Override]:
    """Read each override by itself, so that the wrong one can be named.

    Raises:
        DashpruneError: naming the override that Hydra cannot read, or that chooses nothing for a group.
    """
    parsed = []
    for word in overrides:
        try:
            override = OverridesParser.create().parse_override(word)
        except HydraException as error:
            reason = re.sub(r" expecting .*", "", str(error).splitlines()[0])
            raise DashpruneError(
                f"'{word}' is not KEY=VALUE as Hydra reads it: {reason}; quote special signs"
            ) from error
        if not override.key_or_group:
            raise DashpruneError(f"'{word}' is not KEY=VALUE: the key is missing; see dashprune run --help")
        names = choices(override.key_or_group)
        if names and not override.is_delete() and not all(isinstance(value, str) for value in _choices_of(override)):
            raise DashpruneError(f"{word}: nothing is chosen; choose one of {', '.join(names)}, or leave it out")
        parsed.append(override)
    return parsed


def _choices_of(override: Override) -> list[Any]:
    """The values of an override: of a sweep each, else the only one."""
    if override.is_discrete_sweep():
        return list(override.sweep_iterator())
    value = override.value()
    return list(value) if isinstance(value, list) else [value]


def section(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Check `values` against a dataclass and build it.

    Raises:
        DashpruneError: naming every wrong key, its value and what is allowed, in one line.
    """
    return kind(**checked(kind, values, where))


def component(node: Any, where: str, later: Sequence[str] = (), base: type | None = None) -> Callable[..., Any]:
    """Check what a dataset, model or pruner yaml says, and return a function that builds the object.

    Args:
        node: the resolved yaml: `name`, `_target_`, and one key per constructor argument. Nodes of the same form
            under `parts` are built first.
        where: prefix of keys in messages.
        later: constructor arguments that do not come from the yaml but are given to the returned function.
        base: what the class must be a subclass of.

    Raises:
        DashpruneError: naming every wrong key, its value and what is allowed, in one line; or if the class is not to
            be built, see `classes.named`.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        group = where.partition(".")[0]
        raise DashpruneError(f"{where}: nothing is chosen; choose one with {group}=NAME: {', '.join(choices(group))}")
    target = classes.named(str(node["_target_"]), where, base)
    if "." not in where and not isinstance(node.get("name"), str):
        raise DashpruneError(f"{where}.name: a name is missing; give the yaml of {node['_target_']} a line name: NAME")
    values = {key: value for key, value in node.items() if key not in ("_target_", "name")}
    if "parts" in values:
        parts = values["parts"] if isinstance(values["parts"], Mapping) else {}
        values["parts"] = {name: component(part, f"{where}.parts.{name}", (), base)() for name, part in parts.items()}
    return functools.partial(target, **checked(target, values, where, later))


def checked(target: type, values: Mapping[str, Any], where: str, later: Sequence[str] = ()) -> dict[str, Any]:
    """`values` converted to the annotated types of `target`'s constructor; see `component` for what is raised."""
    names = inspect.signature(target).parameters
    if not isinstance(values, Mapping):
        raise DashpruneError(f"{where}: {values!r} is not allowed; set its keys: {', '.join(names)}")
    try:
        hints = _annotations(target)
    except (NameError, TypeError) as error:
        raise DashpruneError(f"{where}: an annotation of {target.__qualname__} cannot be read ({error})") from None
    bare = next((name for name in names if name not in hints and name not in later), None)
    if bare is not None:
        raise DashpruneError(
            f"{where}: the argument '{bare}' of {target.__qualname__} has no type; annotate it, such as {bare}: float"
        )
    fields = [name for name in names if name not in later]
    try:
        parsed = _schema(target, *fields).model_validate(dict(values))
    except ValidationError as error:
        same = groupby(error.errors(), key=lambda e: (e["loc"][:1], repr(e["input"])))
        raise DashpruneError("; ".join(_reason(list(found), where, fields) for _, found in same)) from error
    return {name: getattr(parsed, name) for name in fields if name in parsed.model_fields_set}


def _annotations(target: type) -> dict[str, Any]:
    return typing.get_type_hints(target if is_dataclass(target) else target.__init__, include_extras=True)  # type: ignore[misc]


@functools.cache
def _schema(target: type, *names: str) -> type[BaseModel]:
    """By which these arguments of a constructor are checked."""
    hints, parameters = _annotations(target), inspect.signature(target).parameters
    absent = inspect.Parameter.empty
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameters[name].default is absent else parameters[name].default) for name in names
    }
    options = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    schema: type[BaseModel] = create_model(target.__name__, __config__=options, **fields)
    return schema


def _reason(errors: Sequence[Mapping[str, Any]], where: str, fields: Sequence[str]) -> str:
    """One error, or those of a value that is neither of the things that it may be."""
    error, several = errors[0], len(errors) > 1
    path = ".".join(str(part) for part in (where, *(error["loc"][:1] if several else error["loc"])) if part != "")
    if error["type"] == "extra_forbidden":
        key = str(error["loc"][-1])
        return f"{path}: there is no such key{did_you_mean(key, fields)}; keys: {', '.join(fields)}"
    if error["type"] == "missing":
        return f"{path}: a value is missing"
    reasons = " or ".join(f"{one['msg'][0].lower()}{one['msg'][1:]}" for one in errors)
    return f"{path}: {error['input']!r} is not allowed; {reasons}"
