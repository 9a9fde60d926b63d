"""`dashprune data`: get the published files of the datasets, and gene sets; look into one's own files."""

from __future__ import annotations

import argparse
import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dashprune.cli.parser import Parser
from dashprune.errors import DashpruneError, put, say

if TYPE_CHECKING:
    from dashprune.data.own.cells import Note
    from dashprune.data.published.manifest import Entry

DESCRIPTION = """\
Get the published files of the datasets sim350, brca, yeast, hematopoiesis, dream4, gnw and ecoli, and gene_sets,
pathways to test networks by (dashprune pathways). The dataset custom needs none: for it, look into your own files.

Files are looked for in a local copy, then in the cache, and are used only if their git blob ids are those of the
published files. The local copy is the folder that DASHPRUNE_MIRROR names, or ../shared/data; it holds
upstream/<owner>+<repository>/<path>. The cache is the folder that DASHPRUNE_DATA names, or the platform's.
"""

EXAMPLES = """\
examples:
  dashprune data list                      every dataset: how many of its files are here, size, licence
  dashprune data fetch yeast               download what is missing, or go on with it
  dashprune data fetch all --from FOLDER   copy from a folder, without any network
  dashprune data check brca                what is here, what is missing, and what cannot be done without it
  dashprune data path sim350               the folder with its files
  dashprune data inspect expression.csv prior.csv          what your own files seem to be, and what would mend them
  dashprune data inspect cells.h5ad dataset.sample=donor --write mine.yaml     the same, and a dataset of them
"""
TIMEOUT = 30.0


def main(words: list[str]) -> int:
    chosen = _parser().parse_args(words)
    if chosen.action == "list":
        return _list()
    if chosen.action == "inspect":
        return _inspect(chosen.files, chosen.write)
    names = _names(chosen.name)
    if chosen.action == "path":
        return _path(chosen.name)
    if chosen.action == "check":
        return max(_check(name) for name in names)
    if chosen.source is not None and not chosen.source.is_dir():
        raise DashpruneError(f"--from: '{chosen.source}' is not a folder; give one that holds the published files")
    return max(_fetch(name, chosen.source, chosen.timeout) for name in names)


def _parser() -> Parser:
    parser = Parser(prog="dashprune data", description=DESCRIPTION, epilog=EXAMPLES)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=Parser)
    texts = {
        "list": "list the datasets",
        "fetch": "download a dataset's files into the cache, or copy them from a folder",
        "check": "say what is here, what is missing, and what cannot be done without it; exit code 2 if it is not all",
        "path": "print the folder with a dataset's files",
    }
    _add_inspect(actions)
    for action, text in texts.items():
        example = f"example:\n  dashprune data {action}{'' if action == 'list' else ' yeast'}"
        sub = actions.add_parser(action, help=text, description=text, epilog=example)
        if action != "list":
            several = "" if action == "path" else ", or all"
            sub.add_argument("name", metavar="NAME", help=f"a dataset, see dashprune data list{several}")
        if action == "fetch":
            sub.add_argument("--from", dest="source", type=Path, metavar="DIR", help="copy from here, download nothing")
            about = f"give up on a connection without data after so long (default: {TIMEOUT:g})"
            sub.add_argument("--timeout", type=seconds, default=TIMEOUT, metavar="SECONDS", help=about)
    return parser


def _add_inspect(actions: argparse._SubParsersAction[Parser]) -> None:
    text = "say what your own files seem to be, what is in them, and what mends what is amiss; nothing is trained"
    example = "example:\n  dashprune data inspect ExpressionData.csv PseudoTime.csv refNetwork.csv"
    sub = actions.add_parser("inspect", help=text, description=text, epilog=example)
    about = "expression, times, prior or gold standard, in any order; and overrides such as dataset.sample=null"
    sub.add_argument("files", metavar="FILE|dataset.KEY=VALUE", nargs="+", help=about)
    about = "write a dataset with all that is needed to read the files"
    sub.add_argument("--write", type=Path, metavar="NAME.yaml", help=about)


def _inspect(given_words: list[str], write: Path | None) -> int:
    """Print what the files are; returns 2 if they cannot be read even with what would mend them."""
    from dashprune.data.own import inspection

    given, files = {}, []
    for word in given_words:
        key, _, value = word.partition("=")
        if key.startswith("dataset.") and value:
            given[key] = value
        elif Path(word).exists() or ("=" not in word and not word.startswith("dataset.")):
            files.append(Path(word))
        else:
            raise DashpruneError(f"'{word}' is neither a file nor dataset.KEY=VALUE, such as dataset.sample=null")
    found = {f"dataset.{key}": str(path) for key, path in inspection.roles(files).items()}
    if "dataset.expression" not in {**found, **given}:
        raise DashpruneError("none of the files seems to be expression; name it with dataset.expression=FILE")
    done = inspection.inspect({"dataset.prior": "null", **found, **given}, _notes_on)
    for note in done.notes:
        put(note.text + (f"\n    {note.override}" if note.override and note.override not in note.text else ""))
    without = done.overrides["dataset.prior"] == "null"
    able = ["model=phoenix_edge", "pruner=dash_edge"] if without else []  # the default, dash, needs a prior
    words = ["dataset=custom", *(f"{key}={value}" for key, value in done.overrides.items()), *able]
    command = shlex.join(["dashprune", "run", *words])
    put(f"{'ready' if done.complete else 'not ready yet'}: {command}")
    if write is not None:
        _write_dataset(write, done.overrides, [note.override for note in done.notes if note.override])
    return 0 if done.complete else 2


def _notes_on(overrides: Mapping[str, str]) -> list[Note]:
    from dashprune.config import compose
    from dashprune.data.custom import Custom, notes
    from dashprune.runs.checked import check

    settings = check(compose(["dataset=custom", *(f"{key}={value}" for key, value in overrides.items())]))
    assert isinstance(settings.dataset, Custom)
    return notes(settings.dataset)


def _write_dataset(path: Path, overrides: Mapping[str, str], hints: list[str]) -> None:
    """Put a dataset into the folder `dataset`, where `--config-dir` looks for it."""
    import yaml

    from dashprune import files

    if path.suffix != ".yaml" or not path.stem.isidentifier():
        raise DashpruneError(f"--write: '{path.name}' must be a name of letters, digits and _ that ends in .yaml")
    folder = path.parent if path.parent.name == "dataset" else path.parent / "dataset"
    target = folder / path.name
    if target.exists():
        raise DashpruneError(f"--write: '{target}' is there already; remove it, or give another name")
    values = {key.removeprefix("dataset."): yaml.safe_load(value) for key, value in overrides.items()}
    command = f"dashprune run --config-dir {shlex.quote(str(folder.parent))} dataset={path.stem}"
    remarks = "".join(f"# consider {hint}\n" for hint in hints if hint.partition("=")[0] not in overrides)
    body = yaml.safe_dump({"dataset": {"name": path.stem, **values}}, sort_keys=False, allow_unicode=True)
    folder.mkdir(parents=True, exist_ok=True)
    files.write(target, f"# @package _global_\n# {command}\n{remarks}defaults:\n  - custom\n  - _self_\n\n{body}")
    put(f"written to {target}; run it with: {command}")


def seconds(text: str) -> float:
    """A time span: a positive, finite number."""
    if not 0 < (seconds := float(text)) < math.inf:
        raise ValueError(text)
    return seconds


def _names(name: str) -> list[str]:
    """The datasets meant by NAME; raises DashpruneError if there is no such dataset."""
    from dashprune.data.published import manifest

    if name == "all":
        return manifest.datasets()
    manifest.files_of(name)
    return [name]


def _list() -> int:
    from tabulate import tabulate

    from dashprune.data.published import locate, manifest

    rows = []
    for name in manifest.datasets():
        files = manifest.files_of(name)
        here = sum(_where(entry)[0] == "ok" for entry in files)
        licences = ", ".join(dict.fromkeys(entry.licence for entry in files))
        rows.append([name, len(files), here, _size(files), licences])
    rows.append([manifest.CUSTOM, 0, 0, "", "your own files"])
    put(tabulate(rows, headers=["name", "files", "here", "size", "licence"], disable_numparse=True))
    put(f"local copy: {locate.mirror() or 'none'}\ncache: {locate.cache()}")
    return 0


def _size(files: list[Entry]) -> str:
    """Sum of the files' sizes; the size of some is not known."""
    total = sum(entry.bytes or 0 for entry in files) / 1e6
    return f"{total:.1f} MB{' and more' if any(entry.bytes is None for entry in files) else ''}"


def _where(entry: Entry) -> tuple[str, Path | None]:
    """ "ok", "damaged" or "missing", and the path at which a run would look."""
    from dashprune.data.published import locate

    path = locate.find(entry.relative)
    if path is None:
        return "missing", None
    return ("ok" if locate.is_intact(path, entry) else "damaged"), path


def _path(name: str) -> int:
    from dashprune.data.published import manifest

    files = manifest.files_of(name)
    if not files:
        raise DashpruneError(f"the dataset '{name}' has no folder: it is made of your own files")
    found = [(_where(entry)[1], len(Path(entry.relative).parts)) for entry in files]
    folders = {path.parents[depth - 1] for path, depth in found if path is not None}
    if not folders:
        raise DashpruneError(f"no file of the dataset '{name}' is here; run: dashprune data fetch {name}")
    put("\n".join(map(str, sorted(folders))))
    return 0


def _check(name: str) -> int:
    """Print the state of every file of a dataset; returns 2 if one is missing or damaged, else 0."""
    from dashprune.data.published import manifest

    files, lacking = manifest.files_of(name), 0
    for entry in files:
        state, path = _where(entry)
        put(f"{state:8} {path or entry.relative}" + ("" if state == "ok" else f"; rules out {entry.without}"))
        lacking += state != "ok"
    if lacking:
        say(f"{name}: {lacking} of {len(files)} files are missing or damaged; run: dashprune data fetch {name}")
        return 2
    put(f"{name}: all {len(files)} files are here" if files else f"{name}: needs no published files, but your own")
    return 0


def _fetch(name: str, source: Path | None, timeout: float) -> int:
    """Bring what the cache lacks of a dataset into it; returns 2 if a file cannot be had, else 0."""
    from dashprune.data.published import download, locate, manifest

    files, failed = manifest.files_of(name), 0
    lacking = [entry for entry in files if not locate.is_cached(entry)]
    for entry, done in download.fetch(lacking, source or locate.mirror(), timeout, online=source is None):
        failed += isinstance(done, DashpruneError)
        say(str(done) if isinstance(done, DashpruneError) else f"{done} {entry.relative}")
    if files:
        put(f"{name}: {len(files) - failed} of {len(files)} files are in {locate.cache() / 'upstream'}")
    else:
        put(f"{name}: needs no published files, but your own")
    return 2 if failed else 0
