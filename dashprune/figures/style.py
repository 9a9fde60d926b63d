"""The style of all figures, and the files they are written to.

Colours of Okabe and Ito, which colour-blind people can tell apart; whatever a colour says, a marker, a
filling, a line style or a text says too, so that a print in grey loses nothing; no letter below 8 points at the size of
the figure, which is that of a page. Nothing here touches pyplot or the settings of whoever calls. The same data give
the same bytes.
"""

from __future__ import annotations

import bisect
import functools
import io
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib.style
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from dashprune import files

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
"""Okabe and Ito, Color Universal Design (2008)."""
GREY, LIGHT = "#777777", "#BBBBBB"
WIDTH = 7.0
"""Of a figure over the whole page, in inches."""
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine has it
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "legend.fontsize": 8,
    "xtick.labelsize": 8, "ytick.labelsize": 8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.minor.width": 0.4, "ytick.minor.width": 0.4,
    "lines.linewidth": 1.2, "lines.markersize": 5, "hatch.linewidth": 0.6,
    "legend.frameon": False, "pdf.fonttype": 42, "savefig.dpi": 200,
}  # fmt: skip

NAMES = {
    "none": "dense", "l0": "L0", "cnode": "C-NODE", "pathreg": "PathReg", "pinn": "PINN", "dst": "DST", "imp": "IMP",
    "synflow": "SynFlow", "sparseflow": "SparseFlow", "bioprune": "BioPrune", "dash": "DASH", "pinn_mp": "PINN+MP",
    "prior": "prior alone", "lasso": "lasso", "lasso_prior": "lasso with prior", "genie3": "GENIE3",
    "union": "lasso or prior", "dyngenie3": "dynGENIE3", "completion": "completed prior",
}  # fmt: skip
"""How figures call what has a name in the paper; anything else goes by its own name."""
LINES = ((0, (6, 2)), (0, (1, 1.5)), "-", (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
"""Line styles, in the order of use."""

DATELESS: dict[str, dict[str, None]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
"""The kinds of files, and what is left out of them so that they depend on nothing but the figure."""

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the style above, whatever the user's own settings are, and leave these as they were."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(STYLE, after_reset=True):
            return draw(*args, **kwargs)

    return drawn


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write `stem`.png (200 dpi) and `stem`.pdf, making the folder; without dates, so that they can be compared.

    Raises:
        DashpruneError: if they cannot be written.
    """
    with matplotlib.style.context(STYLE, after_reset=True):
        figure.draw_without_rendering()  # the layout, made once for both files
        figure.set_layout_engine("none")
        contents = {kind: _content(figure, kind, metadata) for kind, metadata in DATELESS.items()}
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in contents]
    with files.writing(stem.name, stem.parent):
        stem.parent.mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, contents.values(), strict=True):
            files.write(path, content)
    return paths


def _content(figure: Figure, kind: str, metadata: Mapping[str, None]) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=kind, metadata=metadata)
    return file.getvalue()


def text_width(text: str) -> float:
    """Width of a text of 8 points, in points."""
    font = FontProperties(family=STYLE["font.family"], size=STYLE["font.size"])
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def shortened(names: Iterable[str], room: float) -> list[str]:
    """Names no wider than `room` (points): others end in an ellipsis, or hold it inside where several begin alike."""
    names = list(names)
    ends = [_fitting(name, room, lambda text, keep: f"{text[:keep].rstrip()}…") for name in names]
    return [
        _fitting(name, room, lambda text, keep: f"{text[: keep // 2].rstrip()}…{text[keep // 2 - keep :].lstrip()}")
        if ends.count(end) > 1
        else end
        for name, end in zip(names, ends, strict=True)
    ]


def _fitting(name: str, room: float, cut: Callable[[str, int], str]) -> str:
    """The name, or its cut that keeps as many letters as fit into `room` points, at least two."""
    if text_width(name) <= room:
        return name
    keep = bisect.bisect_right(range(3, len(name)), room, key=lambda letters: text_width(cut(name, letters)))
    return cut(name, keep + 2)


def averaged(seeds: Collection[int]) -> str:
    """What points and their bars are, given the numbers of seeds behind them."""
    fewest, most = min(seeds), max(seeds)
    number = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    return f"Mean and standard deviation of {number}" if most > 1 else "One seed"
