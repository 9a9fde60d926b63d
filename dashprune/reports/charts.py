"""The interactive charts of a report, by Bokeh; what moves in them is in page.js, which finds them by their names."""

from __future__ import annotations

from typing import Any

import networkx
import numpy as np
import pandas as pd
from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import (
    BooleanFilter,
    CDSView,
    ColumnDataSource,
    HoverTool,
    InlineStyleSheet,
    LinearColorMapper,
    VSpan,
)
from bokeh.models.annotations import ColorBar, LabelSet, Legend, Title
from bokeh.models.ui import UIElement
from bokeh.models.widgets.tables import (
    DataTable,
    NumberFormatter,
    ScientificFormatter,
    StringFormatter,
    TableColumn,
)
from bokeh.plotting import figure
from bokeh.transform import transform

from dashprune.figures.style import BLUE, GREEN, ORANGE, VERMILION
from dashprune.reports.content import Active, Content, Courses
from dashprune.seeds import numpy_generator

KINDS = {"prior": "solid", "novel": "dashed", "contradicted": "dotted"}
"""How the edges of each status are drawn."""
INK = "#333333"
"""Of text and lines in a light page; page.js changes it in a dark one."""
_FALL, _EVEN, _RISE = ORANGE, "#f2f2f2", BLUE


def document(content: Content) -> Document:
    """All charts of a report, each a root with the name of its place in the page."""
    made = Document()
    edges = _edge_source(content)
    roots = {
        "network": _network(),
        "edges": _edge_table(content, edges),
        "regulators": _regulators(content.regulators.head(20)),
        "activity": _activity(content.active),
        "courses": _trajectories(content.courses),
        "history": _history(content),
    }
    for name, root in roots.items():
        root.name = f"chart {name}"
        made.add_root(root)
    return made


def _figure(height: int, **options: Any) -> figure:
    """As wide as its place, transparent, with tools that a finger finds, too."""
    clear: dict[str, Any] = {"background_fill_alpha": 0, "border_fill_alpha": 0, "outline_line_color": None}
    plot = figure(height=height, sizing_mode="stretch_width", toolbar_location="above", **clear, **options)
    plot.toolbar.logo = None
    for axis in plot.axis:
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "13px"
        axis.axis_label_text_font_style = "normal"
        axis.minor_tick_line_color = None
    return plot


def _edge_source(content: Content) -> ColumnDataSource:
    table = content.edges
    columns: dict[str, Any] = {name: table[name].tolist() for name in ("source", "target", "status")}
    for name in ("effect", "share", "probability"):
        columns[name] = table[name].to_numpy(dtype=np.float32)
    return ColumnDataSource(columns, name="edge source")


def _network() -> figure:
    """Genes as points and edges as lines, which page.js lays in."""
    plot = _figure(560, x_range=(-1.15, 1.15), y_range=(-1.15, 1.15), tools="pan,wheel_zoom,box_zoom,reset,save",
                   active_scroll=None)  # fmt: skip
    plot.axis.visible = plot.grid.visible = False
    for kind, dash in KINDS.items():
        lines = ColumnDataSource({name: [] for name in ("xs", "ys", "colour", "width", "text")}, name=f"lines {kind}")
        drawn = plot.multi_line("xs", "ys", line_color="colour", line_width="width", line_dash=dash, line_alpha=0.75,
                                source=lines, legend_label=_meaning(kind))  # fmt: skip
        plot.add_tools(HoverTool(renderers=[drawn], tooltips="@text", line_policy="interp"))
    heads = ColumnDataSource({name: [] for name in ("x", "y", "angle", "colour", "marker")}, name="heads")
    plot.scatter("x", "y", angle="angle", marker="marker", fill_color="colour", line_color="colour", size=8,
                 line_width=2, source=heads)  # fmt: skip
    nodes = ColumnDataSource({name: [] for name in ("x", "y", "gene", "size", "text", "label")}, name="nodes")
    points = plot.scatter("x", "y", size="size", fill_color="#8fb8d8", line_color=INK, source=nodes, name="points")
    plot.add_tools(HoverTool(renderers=[points], tooltips="@text"))
    plot.add_layout(LabelSet(x="x", y="y", text="label", x_offset=6, y_offset=3, text_font_size="12px",
                             text_color=INK, source=nodes, tags=["ink"]))  # fmt: skip
    plot.legend.click_policy = "hide"
    plot.legend.location = "top_left"
    _plain(plot.legend[0])
    plot.legend.orientation = "horizontal"
    plot.legend.spacing = 24
    plot.add_layout(plot.legend[0], "below")
    return plot


def _meaning(kind: str) -> str:
    return {"prior": "in the prior", "novel": "novel", "contradicted": "in the prior, but cut"}[kind]


def layout(edges: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Places of the genes of some edges, between -1 and 1; the same each time.

    What hangs together is laid out by itself, by springs, in a square as large as it has genes; the squares stand in
    rows, the largest first.
    """
    graph = networkx.Graph()
    graph.add_edges_from(zip(edges["source"], edges["target"], strict=True))
    parts = sorted(networkx.connected_components(graph), key=lambda part: (-len(part), min(part)))
    sides = [len(part) ** 0.5 + 0.8 for part in parts]
    width = max(sides[0], sum(side**2 for side in sides) ** 0.5 * 1.05)
    places: dict[str, tuple[float, float]] = {}
    left, top, height = 0.0, 0.0, 0.0
    for part, side in zip(parts, sides, strict=True):
        if left + side > width:
            left, top, height = 0.0, top + height, 0.0
        for gene, (x, y) in _springs(graph.subgraph(sorted(part))).items():
            places[gene] = (left + 0.4 + x * (side - 0.8), top + 0.4 + y * (side - 0.8))
        left, height = left + side, max(height, side)
    spots = np.array(list(places.values()))
    spots = (spots - spots.min(axis=0)) / np.maximum(np.ptp(spots, axis=0), 1e-9) * 2 - 1
    return {gene: (float(x), float(-y)) for gene, (x, y) in zip(places, spots, strict=True)}


def _springs(graph: networkx.Graph) -> dict[str, tuple[float, float]]:
    """Places between 0 and 1 of genes that hang together."""
    start = dict(zip(sorted(graph), numpy_generator(0, "report").uniform(-1, 1, (len(graph), 2)), strict=True))
    found = networkx.spring_layout(graph, pos=start, k=1.6 / len(graph) ** 0.5, iterations=150, seed=0)
    spots = np.array([found[gene] for gene in graph])
    spots = (spots - spots.min(axis=0)) / np.maximum(np.ptp(spots, axis=0), 1e-9)
    return {gene: (float(x), float(y)) for gene, (x, y) in zip(graph, spots, strict=True)}


def _edge_table(content: Content, edges: ColumnDataSource) -> UIElement:
    number = {
        "effect": ScientificFormatter(precision=3, power_limit_low=-1, power_limit_high=4),
        "share": NumberFormatter(format="0.0000"),
        "probability": NumberFormatter(format="0.000", nan_format="–"),
    }
    names = ["source", "target", "effect", "share", "probability", "status"]
    if content.edges["probability"].isna().all():
        names.remove("probability")
    columns = [TableColumn(field=name, title=name, formatter=number.get(name, StringFormatter())) for name in names]
    view = CDSView(filter=BooleanFilter(booleans=[True] * len(content.edges)))
    style = InlineStyleSheet(css=_TABLE)
    return DataTable(
        source=edges, columns=columns, view=view, stylesheets=[style], height=420, min_width=520, row_height=30,
        sizing_mode="stretch_width", index_position=None, autosize_mode="force_fit", reorderable=False,
    )  # fmt: skip


_TABLE = """
.slick-row, .slick-header-column, .slick-cell { color: var(--text) !important; background: var(--page) !important;
  border-color: var(--line) !important; font: 14px var(--font) !important; }
.slick-row.odd, .slick-row.odd .slick-cell { background: var(--faint) !important; }
.slick-header-column { font-weight: 600 !important; }
.slick-viewport, .slick-header { background: var(--page) !important; border-color: var(--line) !important; }
"""


def _regulators(table: pd.DataFrame) -> figure:
    """Bars, the highest on top."""
    genes = table["gene"].tolist()[::-1]
    tips = [("gene", "@gene"), ("influence", "@influence{0.000}"), ("targets", "@out_degree")]
    most = max(float(table["influence"].max()), 1e-9)
    plot = _figure(90 + 22 * len(genes), y_range=genes, x_range=(0, 1.05 * most), tools="hover,save", tooltips=tips)
    plot.hbar(y="gene", right="influence", height=0.7, color=BLUE, source=table[["gene", "influence", "out_degree"]])
    plot.xaxis.axis_label = "influence (targets, by share)"
    plot.ygrid.visible = False
    return plot


def _activity(active: Active) -> figure:
    """A heat map: a row per regulator, the most influential on top, and a column per point of time."""
    genes, times = list(active.genes)[::-1], list(active.times)
    row, at = np.meshgrid(active.genes, times, indexing="ij")
    source = ColumnDataSource({"gene": row.ravel().tolist(), "time": at.ravel().tolist(),
                               "value": active.values.ravel().astype(np.float32)})  # fmt: skip
    tips = [("gene", "@gene"), ("time", "@time"), (active.what, "@value{0.00} sd from its mean")]
    plot = _figure(170 + 22 * len(genes), x_range=times, y_range=genes, tools="hover,save", tooltips=tips)
    mapper = LinearColorMapper(palette=_diverging(), low=-2.5, high=2.5)
    plot.rect("time", "gene", 1, 1, fill_color=transform("value", mapper), line_color=None, source=source)
    bar = ColorBar(color_mapper=mapper, title="standard deviations from its mean", height=10,
                   background_fill_alpha=0, title_text_font_size="13px", major_label_text_font_size="13px")  # fmt: skip
    plot.add_layout(bar, "below")
    plot.xaxis.axis_label = "time (unit of the data)"
    plot.xaxis.major_label_orientation = 0.9
    plot.grid.visible = False
    return plot


def _diverging() -> list[str]:
    """Orange over grey to blue, in 255 steps."""
    ends = [np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) for colour in (_FALL, _EVEN, _RISE)]
    half = np.linspace(0, 1, 128)[:, None]
    steps = np.concatenate([ends[0] + half * (ends[1] - ends[0]), (ends[1] + half * (ends[2] - ends[1]))[1:]])
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in steps.round().astype(int)]


def _trajectories(courses: Courses) -> figure:
    """One gene's expression, measured and predicted; page.js puts in those of others."""
    plot = _figure(380, tools="pan,box_zoom,reset,save")
    first = list(courses.genes).index(courses.first)
    for number, (course, marker) in enumerate(zip(courses.courses, ("circle", "square", "triangle"), strict=False)):
        for name, times in (("measured", course.times), ("one_step", course.times), ("free", course.free_times)):
            values = getattr(course, name)[:, first].astype(np.float32)
            shown = ColumnDataSource({"x": times.astype(np.float64), "y": values}, name=f"{name} {number}")
            _draw(plot, name, shown, marker, len(course.times))
    plot.xaxis.axis_label, plot.yaxis.axis_label = "time (unit of the data)", "expression (unit of the data)"
    plot.title = Title(text=courses.first, text_font_size="15px")
    _plain(plot.legend[0])
    plot.add_layout(plot.legend[0], "below")
    return plot


def _draw(plot: figure, name: str, source: ColumnDataSource, marker: str, points: int) -> None:
    if name == "measured":
        size = 8 if points <= 100 else 4
        plot.scatter(
            "x", "y", marker=marker, size=size, fill_alpha=0, line_color=INK, source=source, legend_label="measured"
        )
    elif name == "one_step":
        plot.line("x", "y", color=BLUE, line_width=2, source=source, legend_label="predicted from the point before")
    else:
        plot.line("x", "y", color=VERMILION, line_width=2, line_dash="dashed", source=source,
                  legend_label="predicted from the first point")  # fmt: skip


def _history(content: Content) -> UIElement:
    """Loss and validation error over epochs, and sparsity below."""
    frame = content.history
    source = ColumnDataSource({name: frame[name].to_numpy(dtype=float) for name in ("epoch", "loss", "validation")})
    source.data["zero"] = 100 * frame["sparsity"].to_numpy(dtype=float)
    positive = frame[["loss", "validation"]].min().min() > 0
    errors = _figure(260, y_axis_type="log" if positive else "linear", tools="save")
    loss = errors.line("epoch", "loss", color=INK, line_width=2, source=source, legend_label="loss")
    loss.glyph.tags = ["ink"]
    if frame["validation"].notna().any():
        errors.line("epoch", "validation", color=BLUE, line_dash="dashed", line_width=2, source=source,
                    legend_label="validation error")  # fmt: skip
    errors.yaxis.axis_label = "mean squared error"
    _plain(errors.legend[0])
    sparsity = _figure(200, y_range=(-4, 104), x_range=errors.x_range, tools="save")
    sparsity.line("epoch", "zero", color=GREEN, line_width=2, source=source)
    sparsity.xaxis.axis_label, sparsity.yaxis.axis_label = "epoch", "zero weights, %"
    for plot in (errors, sparsity):
        plot.add_glyph(VSpan(x=content.row["best_epoch"], line_color=VERMILION, line_dash="dotted", line_width=2))
    return column(errors, sparsity, sizing_mode="stretch_width")


def _plain(legend: Legend) -> None:
    """Letters of the size of others, and no box."""
    legend.label_text_font_size = "13px"
    legend.background_fill_alpha = 0
    legend.border_line_color = None
