"""The page of a report: everything inlined, so that it opens without a network."""

from __future__ import annotations

import base64
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.embed import components
from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, StrictUndefined

from dashprune import __version__, files
from dashprune.reports import charts
from dashprune.reports.content import Content, Courses


def html(content: Content, strongest: int, aside: dict[str, Any] | None = None) -> str:
    """The page.

    Args:
        content: what it says.
        strongest: edges that the network shows at first.
        aside: other parts for the template: `sweep`, a sentence of how the run was chosen, and `compared`, the
            tables of a `Rewiring` and its picture, by name.
    """
    made = charts.document(content)
    script, places = components({str(root.name).split(" ", 1)[1]: root for root in made.roots})
    library = Resources(mode="inline", components=["bokeh", "bokeh-widgets", "bokeh-tables"], minified=True)
    templates = Environment(
        loader=PackageLoader("dashprune.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    texts = {
        name: resources("dashprune.reports").joinpath("templates", f"page.{name}").read_text("utf-8")
        for name in ("css", "js")
    }
    return templates.get_template("page.html").render(
        content=content, places=places, script=script, library=library.render_js(), version=__version__,
        data=_data(content, strongest), values=_values(content.courses), genes=_searchable(content), **texts,
        **{"sweep": None, "compared": None, **(aside or {})},
    )  # fmt: skip


def write(path: Path, text: str) -> None:
    """Write the page.

    Raises:
        DashpruneError: if it cannot be written.
    """
    with files.writing("the report", path, "choose another with --out FILE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, text)


def _data(content: Content, strongest: int) -> dict[str, Any]:
    """What page.js needs beside the sources of the charts."""
    first = content.edges[content.edges["status"] != "contradicted"].head(strongest)
    spots = charts.layout(first)
    return {
        "strongest": len(first),
        "places": {gene: [round(x, 4), round(y, 4)] for gene, (x, y) in spots.items()},
        "courses": list(content.courses.genes),
        "first": content.courses.first,
    }


def _values(courses: Courses) -> dict[str, str]:
    """For each line of the chart of courses all genes' values, one gene after the other, as float32 in base64."""
    return {
        f"{name} {number}": base64.b64encode(
            np.ascontiguousarray(getattr(course, name).T, dtype="<f4").tobytes()
        ).decode()
        for number, course in enumerate(courses.courses)
        for name in ("measured", "one_step", "free")
    }


def _searchable(content: Content) -> list[str]:
    """Genes with an edge in the table."""
    return sorted(set(content.edges["source"]) | set(content.edges["target"]))


def picture(png: bytes) -> str:
    """A PNG as the address of an image."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
