"""Gene sets: pathways and terms with the genes that belong to them, from published files or the user's own.

Sets that the project names are published files as those of a dataset; `dashprune data fetch gene_sets` gets them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from dashprune.data.own.files import existing
from dashprune.data.published.locate import upstream_file
from dashprune.errors import DashpruneError, did_you_mean

_ORF = re.compile(r"Y[A-P][LR]\d{3}[WC](-[A-Z])?|Q\d{4}")
"""Systematic names of yeast's open reading frames, nuclear or mitochondrial."""
_ROOTS = ("GO:0008150", "GO:0003674", "GO:0005575")
"""Process, function and component as such; what is annotated to one of these is annotated to nothing."""
_ASPECTS = {"P": "process", "F": "function", "C": "component"}
_COLUMNS = 7


class GeneSet(NamedTuple):
    """A pathway or term.

    Attributes:
        name: by which it is told from others of its collection.
        description: anything; may be empty.
        genes: names, each once, in the order of the file.
    """

    name: str
    description: str
    genes: tuple[str, ...]


def load(name: str) -> list[GeneSet]:
    """The gene sets of a published collection, or of the user's own file.

    Args:
        name: a key of NAMED, or the path of a GMT file.

    Raises:
        DashpruneError: if there is neither, or the file is missing or broken.
    """
    if name in NAMED:
        relative, read = NAMED[name]
        return read(upstream_file(relative))
    hint = did_you_mean(name, NAMED)
    if hint and not Path(name).exists():
        raise DashpruneError(f"--gmt: there is no file '{name}'{hint}; give a GMT file, or one of {', '.join(NAMED)}")
    return read_gmt(existing(Path(name), "--gmt"))


def read_gmt(path: Path) -> list[GeneSet]:
    """Gene sets from a GMT file: per line a name, a description and the genes, separated by tabs.

    Blank lines and empty cells after the description are left out, and a gene that is repeated counts once. A set may
    have no gene, as published ones have.

    Raises:
        DashpruneError: naming the row with fewer than three cells, without a name or with that of an earlier row; or if
            there is no gene.
    """
    sets: dict[str, GeneSet] = {}
    for row, cells in _rows(path):
        name, (description, *genes) = cells[0], cells[1:] or [""]
        if len(cells) < 3 or not name:
            what = "no name" if not name else f"{len(cells)} of at least 3 cells"
            raise DashpruneError(f"{path}: row {row} has {what}; it needs a name, a description and genes, by tabs")
        if name in sets:
            raise DashpruneError(f"{path}: row {row} names '{name}', as an earlier row does; names must differ")
        sets[name] = GeneSet(name, description, tuple(dict.fromkeys(filter(None, genes))))
    if not any(one.genes for one in sets.values()):
        raise DashpruneError(f"{path} has no gene; it needs rows of a name, a description and genes, by tabs")
    return list(sets.values())


def read_reactome(path: Path) -> list[GeneSet]:
    """Reactome as the Bader laboratory exports it: names are "TITLE%SOURCE%ID", and the description is the title.

    The title becomes the name, with the id where two pathways share a title.

    Raises:
        DashpruneError: see `read_gmt`.
    """
    sets = read_gmt(path)
    count = Counter(one.description for one in sets)
    titles = (
        one.description if count[one.description] == 1 else f"{one.description} ({one.name.rpartition('%')[2]})"
        for one in sets
    )
    return [one._replace(name=title) for one, title in zip(sets, titles, strict=True)]


def read_go_slim(path: Path) -> list[GeneSet]:
    """Yeast's GO slim as SGD publishes it: a line per gene and term, with ORF, aspect, term and GO id among 7 columns.

    Lines without a GO id ("other"), of a root term, and of what is no open reading frame (RNA, protein complexes) are
    left out. Annotations are made to all terms above, too, so that sets overlap.

    Returns:
        Sets named "term (GO id)", described by their aspect: "process", "function" or "component".

    Raises:
        DashpruneError: naming the row that has other than 7 columns or an unknown aspect, or if no gene is left.
    """
    members: dict[tuple[str, str], dict[str, None]] = {}
    for row, cells in _rows(path):
        if len(cells) != _COLUMNS or cells[3] not in _ASPECTS:
            raise DashpruneError(f"{path}: row {row} has not SGD's {_COLUMNS} columns; fetch the published file again")
        orf, _, _, aspect, term, identifier, _ = cells
        if identifier and identifier not in _ROOTS and _ORF.fullmatch(orf):
            members.setdefault((f"{term} ({identifier})", _ASPECTS[aspect]), {})[orf] = None
    if not members:
        raise DashpruneError(f"{path} names no gene of a GO term; fetch the published file again")
    return [GeneSet(*key, tuple(genes)) for key, genes in members.items()]


def _processes(path: Path) -> list[GeneSet]:
    """The processes of the GO slim; functions and places are no pathways, and would only add tests."""
    return [one for one in read_go_slim(path) if one.description == "process"]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each row that is not blank."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for row, line in enumerate(file, start=1):
                if line.strip():
                    yield row, [cell.strip() for cell in line.split("\t")]
    except UnicodeDecodeError:
        raise DashpruneError(f"{path} is not text in UTF-8; save it as such") from None
    except OSError as error:
        raise DashpruneError(f"{path} cannot be read ({error.strerror}); make it readable or replace it") from None


NAMED: dict[str, tuple[str, Callable[[Path], list[GeneSet]]]] = {
    "reactome": ("rosscm+fedup/inst/extdata/Human_Reactome_November_17_2020_symbol.gmt", read_reactome),
    "go_slim": ("Bio724D+Bio724D_2023_2024/data/go_slim_mapping.tab", _processes),
}
"""File and reader of each published collection."""
