"""`dashprune export`: a run's network, data and model for other programs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from dashprune.cli.parser import Parser, count, written
from dashprune.errors import DashpruneError, put

if TYPE_CHECKING:
    from dashprune.exports.network import Network

FORMATS = {
    "graphml": ("network.graphml", "graph"),
    "cx2": ("network.cx2", "graph"),
    "sif": ("network.sif", "graph"),
    "decoupler": ("network.decoupler.csv", "graph"),
    "h5ad": ("run.h5ad", "h5ad"),
    "sbml": ("model.xml", "sbml"),
}
"""For each format the name of its file, and the extra that it needs."""
NEEDED = {"cx2": ("ndex2",), "h5ad": ("anndata",), "sbml": ("libsbml",)}
"""For each format the packages of that extra."""
DESCRIPTION = """\
Write what a finished run found for other programs.

  graphml    the network, with all that is known of genes and edges; for Cytoscape, Gephi, igraph
  cx2        the same for Cytoscape, with a style: sign, share, and what is not in the prior
  sif        source, activates or inhibits, target
  decoupler  source, target, weight: decoupler's net
  h5ad       AnnData for scanpy and scVelo: measured expression, layers `predicted` and `velocity`, the network in varp,
             activities of regulators in obsm
  sbml       the equations of a phoenix or phoenix_edge model, for COPASI and tellurium

Edges have effect, sign, share (of all effects on their target), probability where the strategy gives one, in_prior and
novel. RUN is a run's folder, or the first digits of its id, which is looked for below outputs/runs.
"""
EXAMPLES = """\
examples:
  dashprune export 2c4d --to cx2
  dashprune export 2c4d --to graphml --edges 500      the 500 edges with the largest shares
  dashprune export 2c4d --to sbml --out model.xml
"""


def main(words: list[str]) -> int:
    parser = Parser(prog="dashprune export", description=DESCRIPTION, epilog=EXAMPLES)
    parser.add_argument("run", metavar="RUN", help="folder of a run, or the first digits of its id")
    parser.add_argument("--to", required=True, choices=FORMATS, help="format of the file")
    parser.add_argument("--edges", type=count, metavar="N", help="only the N strongest edges (default: all)")
    parser.add_argument("--out", type=written, metavar="FILE", help="file to write (default: in the run's folder)")
    chosen = parser.parse_args(words)
    write = _writer(chosen.to)

    from dashprune import files
    from dashprune.exports import network
    from dashprune.runs import identity

    folder = identity.find_run(chosen.run, Path("outputs", "runs"))
    path = chosen.out or folder / FORMATS[chosen.to][0]
    found = network.read(folder, chosen.edges)
    with files.writing("the export", path, "choose another with --out FILE"):
        write(found, path)
    put(str(path))
    return 0


def _writer(to: str) -> Callable[[Network, Path], None]:
    """The function for a format.

    Raises:
        DashpruneError: if what it needs is not installed.
    """
    try:
        for needed in NEEDED.get(to, ()):
            import_module(needed)
    except ImportError as error:
        extra = FORMATS[to][1]
        raise DashpruneError(
            f"--to {to} needs {error.name}, which is not installed; pip install 'dashprune[{extra}]'"
        ) from error
    module = {"h5ad": "cells", "sbml": "sbml"}.get(to, "graphs")
    written: Callable[[Network, Path], None] = getattr(import_module(f"dashprune.exports.{module}"), to)
    return written
