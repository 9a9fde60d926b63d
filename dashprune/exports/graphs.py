"""Networks for Cytoscape and other programs of graphs: GraphML, CX2, SIF; and decoupler's table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashprune import escaping, files
from dashprune.exports.network import Network
from dashprune.figures.style import BLUE, GREY, VERMILION

if TYPE_CHECKING:
    import networkx

SIGNS = {1: "activates", -1: "inhibits"}
"""What an edge is called in SIF."""


def graph(network: Network) -> networkx.DiGraph:
    """The network as networkx has it, with all attributes of edges and genes but probabilities that are not known."""
    import networkx

    found = networkx.DiGraph(name=network.name)
    for gene in network.genes.to_dict("records"):
        found.add_node(gene["gene"], **{str(key): value for key, value in gene.items() if key != "gene"})
    for edge in network.edges.to_dict("records"):
        known = {str(key): value for key, value in edge.items() if not (isinstance(value, float) and math.isnan(value))}
        source, target = known.pop("source"), known.pop("target")
        found.add_edge(source, target, interaction=SIGNS[known["sign"]], **known)
    return found


def graphml(network: Network, path: Path) -> None:
    """GraphML, which Cytoscape, Gephi, yEd and igraph read."""
    import networkx

    files.write(path, "\n".join(networkx.generate_graphml(graph(network), named_key_ids=True)) + "\n")


def cx2(network: Network, path: Path) -> None:
    """CX2, Cytoscape's own exchange format, with a style: colour by sign, width by share, dashes where novel."""
    from ndex2.cx2 import CX2Network

    found = CX2Network()
    found.set_network_attributes({"name": network.name, "description": "pruned by dashprune"})
    nodes = {}
    own = graph(network)
    for gene, attributes in own.nodes(data=True):
        nodes[gene] = found.add_node(attributes={"name": gene, **attributes})
    for source, target, attributes in own.edges(data=True):
        found.add_edge(source=nodes[source], target=nodes[target], attributes=attributes)
    found.set_visual_properties(STYLE)
    found.write_as_raw_cx2(str(path))


def _by(attribute: str, kind: str, values: Mapping[Any, Any]) -> dict[str, Any]:
    pairs = [{"v": key, "vp": value} for key, value in values.items()]
    return {"type": "DISCRETE", "definition": {"attribute": attribute, "type": kind, "map": pairs}}


_WIDTHS = {"min": 0.0, "max": 1.0, "minVPValue": 0.5, "maxVPValue": 6.0, "includeMin": True, "includeMax": True}
STYLE: dict[str, Any] = {
    "default": {
        "network": {"NETWORK_BACKGROUND_COLOR": "#FFFFFF"},
        "node": {"NODE_SHAPE": "ellipse", "NODE_BACKGROUND_COLOR": "#FFFFFF", "NODE_BORDER_COLOR": GREY,
                 "NODE_BORDER_WIDTH": 1, "NODE_WIDTH": 40, "NODE_HEIGHT": 40, "NODE_LABEL_FONT_SIZE": 10},
        "edge": {"EDGE_LINE_COLOR": GREY, "EDGE_WIDTH": 1, "EDGE_LINE_STYLE": "solid",
                 "EDGE_TARGET_ARROW_SHAPE": "triangle"},
    },
    "nodeMapping": {
        "NODE_LABEL": {"type": "PASSTHROUGH", "definition": {"attribute": "name", "type": "string"}},
        "NODE_SHAPE": _by("regulator", "boolean", {True: "diamond", False: "ellipse"}),
    },
    "edgeMapping": {
        "EDGE_LINE_COLOR": _by("sign", "integer", {1: BLUE, -1: VERMILION}),
        "EDGE_TARGET_ARROW_COLOR": _by("sign", "integer", {1: BLUE, -1: VERMILION}),
        "EDGE_TARGET_ARROW_SHAPE": _by("sign", "integer", {1: "triangle", -1: "tee"}),
        "EDGE_LINE_STYLE": _by("in_prior", "boolean", {True: "solid", False: "dashed"}),
        "EDGE_WIDTH": {"type": "CONTINUOUS", "definition": {"attribute": "share", "type": "double", "map": [_WIDTHS]}},
    },
}  # fmt: skip
"""Also told without colour: arrows end in a T where a gene inhibits, and novel edges are dashed."""


def sif(network: Network, path: Path) -> None:
    """Cytoscape's simple interaction format: source, activates or inhibits, target, separated by tabs."""
    rows = zip(network.edges["source"], network.edges["sign"].map(SIGNS), network.edges["target"], strict=True)
    files.write(path, "".join(f"{source}\t{sign}\t{target}\n" for source, sign, target in rows))


def decoupler(network: Network, path: Path) -> None:
    """The table that decoupler and pyscenic take: source, target and weight, which is the effect; as CSV."""
    table = network.edges[["source", "target", "effect"]].rename(columns={"effect": "weight"})
    files.write(path, escaping.delimited(table))
