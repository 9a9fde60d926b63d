"""Which class a configuration may name: the one place that decides what is built.

A class of this package may be named by anything, if it is of the kind that its place in the configuration asks for.
Any other must be trusted first: by a yaml in the folder that `--config-dir` or DASHPRUNE_CONFIG_DIR names, or by the
user typing it. What is merely read, such as the result of a run, names no other class.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from dashprune import files
from dashprune.errors import DashpruneError, did_you_mean

FOLDER = "DASHPRUNE_CONFIG_DIR"
"""Variable of the environment with the user's folder of yaml files, so that processes of a sweep have it, too."""
_OWN = "dashprune."
_typed: set[str] = set()
"""Classes that the user named in an override."""


def trust(overrides: Iterable[str], folder: str | Path | None = None) -> None:
    """Allow what the user named: classes typed in overrides, and those of the yaml files of a folder.

    Args:
        overrides: as typed, such as pruner._target_=mine.Mine.
        folder: laid out like conf/.
    """
    for word in overrides:
        key, _, value = word.partition("=")
        if key.lstrip("+").rpartition(".")[2] == "_target_":
            _typed.add(value.strip("'\""))
        if key.lstrip("+") == "hydra.searchpath":
            for place in re.findall(r"file://([^'\",\]]+)", value):
                os.environ[FOLDER] = place
    if folder is not None:
        os.environ[FOLDER] = str(Path(folder).resolve())


def named(place: str, where: str, base: type | None = None) -> type:
    """The class that a configuration names.

    Args:
        place: its module and name, with dots.
        where: key of the configuration, for messages.
        base: what it must be a subclass of; None for any class.

    Raises:
        DashpruneError: if it is not trusted, cannot be imported, or is something else than a subclass of `base`.
    """
    module_name, _, name = place.rpartition(".")
    key = f"{where}._target_"
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", place):
        raise DashpruneError(f"{key}: {place!r} names no class; give MODULE.CLASS")
    if not place.startswith(_OWN) and place not in _typed | _of_folder():
        raise DashpruneError(
            f"{key}: the class {place} is not of dashprune; if it is yours, give the folder with "
            f"{where.partition('.')[0]}/NAME.yaml that names it, by --config-dir or {FOLDER}"
        )
    module = _module(module_name, key, place)
    found = getattr(module, name, None)
    if not isinstance(found, type):
        classes = [one for one, value in vars(module).items() if isinstance(value, type)]
        what = "has no" if found is None else "has something else than a"
        raise DashpruneError(f"{key}: {module_name} {what} class '{name}'{did_you_mean(name, classes)}")
    if base is not None and not issubclass(found, base):
        raise DashpruneError(f"{key}: {place} is no {base.__name__}; make it a subclass of {_place(base)}")
    return found


def digest(place: str) -> str | None:
    """SHA-256 of the file with a trusted class that is not of this package; None for any other."""
    if place.startswith(_OWN) or place not in _typed | _of_folder():
        return None
    try:
        module = _module(place.rpartition(".")[0], "_target_", place)
    except DashpruneError:
        return None
    file = getattr(module, "__file__", None)
    return None if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _of_folder() -> set[str]:
    """Classes that yaml files of the user's folder name."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return set()
    found = set()
    for path in Path(folder).glob("*/*.yaml"):
        if path.parent.name != "selected":  # made from results
            found |= _targets(_data(path))
    return found


def _data(path: Path) -> object:
    try:
        return files.read_yaml(path)
    except DashpruneError:
        return None  # Hydra says what is wrong with it, if it is used


def _targets(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {str(value) for key, value in node.items() if key == "_target_"}
        return own.union(*(_targets(value) for value in node.values()))
    return set()


def _module(name: str, key: str, place: str) -> ModuleType:
    """A module, as Python finds it, or from the user's folder or the one above."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise _broken(error, key, place) from None
    except Exception as error:
        raise _broken(error, key, place) from None
    folder = os.environ.get(FOLDER)
    looked = [] if not folder else [Path(folder).resolve(), Path(folder).resolve().parent]
    for path in (one / f"{name.replace('.', '/')}.py" for one in looked):
        if path.is_file():
            return _from_file(name, path, key, place)
    also = "".join(f", nor is there {one / name.replace('.', '/')}.py" for one in looked)
    raise DashpruneError(f"{key}: there is no module '{name}' for {place}; Python does not find it (PYTHONPATH){also}")


def _from_file(name: str, path: Path, key: str, place: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _broken(error, key, place) from None
    return module


def _broken(error: Exception, key: str, place: str) -> DashpruneError:
    """What went wrong inside of the user's module, and where."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    file, line = (error.filename, error.lineno) if isinstance(error, SyntaxError) else (frame.filename, frame.lineno)
    reason = " ".join(str(error).split())
    return DashpruneError(
        f"{key}: the module of {place} fails: {type(error).__name__}: {reason} (in {file}, line {line})"
    )


def _place(base: type) -> str:
    return f"{base.__module__}.{base.__name__}"
