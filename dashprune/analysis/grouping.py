"""Runs that differ only in something: what puts rows of results together, and what tells such groups apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dashprune.runs import identity
from dashprune.runs.results import Result

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

NAMES = ("dataset", "model", "pruner")
"""The keys of a row that name what ran; of a control `model` is "control", and `pruner` its name."""


@dataclass(frozen=True)
class Kind:
    """What runs have in common.

    Attributes:
        names: such as those of dataset, model and pruner.
        pairs: settings as texts: keys, such as `train.epochs`, and values.
    """

    names: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, names: Iterable[str], settings: Mapping[str, str]) -> Kind:
        """Equal for equal names and settings, in whatever order these come."""
        return cls(tuple(names), tuple(sorted(settings.items())))

    @property
    def settings(self) -> dict[str, str]:
        return dict(self.pairs)


def kind(row: Result, names: Iterable[str] = NAMES, counts: Callable[[str], bool] = lambda key: True) -> Kind:
    """What a row has in common with its repeats: equal for runs that differ only in their seeds.

    Args:
        row: of results.
        names: the keys of its names.
        counts: says of a setting's key whether it tells runs apart; by default each does.
    """
    settings = identity.settings(row["config"])
    return Kind.of((row[name] for name in names), {key: value for key, value in settings.items() if counts(key)})


def by(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Items with equal keys together, in the order in which the keys first come."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def differing(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """The keys in which several settings differ, sorted; a key that only some have is one of them."""
    keys = sorted({key for own in settings for key in own})
    return [key for key in keys if len({own.get(key) for own in settings}) > 1]


def labels(kinds: Sequence[Kind]) -> list[str]:
    """What tells each kind from the others of its names, such as `model.decay=True train.epochs=50`; may be empty."""
    told = {names: _telling([own.settings for own in alike]) for names, alike in by(kinds, _names).items()}
    return [" ".join(f"{key}={own.settings.get(key, '')}" for key in told[own.names]) for own in kinds]


def _telling(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """The keys in which settings differ, but for those that a name says already: as of two solvers."""
    keys = differing(settings)
    chosen = {key.removesuffix("name") for key in keys if key.endswith(".name")}
    everywhere = set(keys).intersection(*settings)
    return [
        key for key in keys
        if not any(key.startswith(part) and (key.endswith("_target_") or key not in everywhere) for part in chosen)
    ]  # fmt: skip


def labelled(items: Sequence[T], kind_of: Callable[[T], Kind]) -> dict[tuple[tuple[str, ...], str], list[T]]:
    """Items of equal kind together, under their names and their label; those of the same names follow each other."""
    found: dict[tuple[tuple[str, ...], str], list[T]] = {}
    for names, alike in by(items, lambda item: kind_of(item).names).items():
        for item, label in zip(alike, labels([kind_of(item) for item in alike]), strict=True):
            found.setdefault((names, label), []).append(item)
    return found


def _names(kind: Kind) -> tuple[str, ...]:
    return kind.names
