"""Write dashprune/data/LAYOUTS.md: what `dashprune data inspect` says of small files in public layouts.

    python scripts/layouts.py          # write the page
    python scripts/layouts.py --check  # exit code 1 if it is not what would be written

Every file is made up here, in the layout of the tool or database that its heading names.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from dashprune.cli import main as cli

PAGE = Path(__file__).parents[1] / "dashprune" / "data" / "LAYOUTS.md"
GENES = ["GATA1", "SPI1", "TAL1", "KLF1", "FLI1", "JUN"]
HEAD = """\
# What `dashprune data inspect` says of files as people have them

Small files in public layouts, made by `python scripts/layouts.py`, which also wrote this page. Under each heading is
the beginning of each file, then the command and what it prints. The last line is the run that reads them so.
"""
SHOWN = 3
"""Lines of a file that the page has."""


def cells(count: int) -> pd.DataFrame:
    """Expression of a few genes, a row per cell."""
    random = np.random.default_rng(0)
    waves = np.sin(np.linspace(0, 3, count)[:, None] + np.arange(len(GENES)))
    values = np.clip(0.5 + 0.4 * waves + 0.02 * random.standard_normal((count, len(GENES))), 0, 1)
    return pd.DataFrame(np.round(values, 3), columns=GENES, index=[f"C{k}" for k in range(count)])


def beeline() -> list[str]:
    table = cells(8)
    table.T.to_csv("ExpressionData.csv")
    times = pd.DataFrame({"PseudoTime1": np.arange(8.0), "PseudoTime2": np.arange(8.0)}, index=table.index)
    times.iloc[5:, 0], times.iloc[3:5, 1] = np.nan, np.nan
    text = times.to_csv(na_rep="NA")
    Path("PseudoTime.csv").write_text(text.removeprefix(","))
    Path("refNetwork.csv").write_text("Gene1,Gene2,Type\nGATA1,SPI1,-\nGATA1,KLF1,+\nGATA1,KLF1,+\n")
    return ["ExpressionData.csv", "PseudoTime.csv", "refNetwork.csv"]


def wide(name: str = "expression.csv", sep: str = ",", time: str = "time") -> str:
    """Two samples of four time points."""
    table = cells(8)
    table.insert(0, time, [0, 1, 2, 3] * 2)
    table.insert(0, "sample", ["a"] * 4 + ["b"] * 4)
    table.to_csv(name, index=False, sep=sep)
    return name


def challenge() -> list[str]:
    table = cells(10)
    table.insert(0, "Time", [0, 50, 100, 150, 200] * 2)
    table.to_csv("timeseries.tsv", sep="\t", index=False)
    Path("goldstandard.tsv").write_text("GATA1\tSPI1\t1\nGATA1\tKLF1\t1\nSPI1\tJUN\t0\nJUN\tFLI1\t0\n")
    return ["timeseries.tsv", "goldstandard.tsv", "dataset.sample=auto"]


def series_matrix() -> list[str]:
    table = cells(6)
    table.index = pd.Index([f"GSM{k}" for k in range(100, 106)])
    row = "!Sample_characteristics_ch1\t{}\n"
    donors, times = ("\t".join(f'"{name}: {value}"' for value in values) for name, values in (
        ("donor", [1, 1, 1, 2, 2, 2]), ("time", ["0 h", "4 h", "24 h"] * 2)))  # fmt: skip
    ids = "\t".join(f'"{name}"' for name in table.index)
    body = table.T.to_csv(sep="\t", header=False)
    Path("GSE1_series_matrix.txt").write_text(
        f'!Series_title\t"made up"\n!Sample_geo_accession\t{ids}\n{row.format(donors)}{row.format(times)}'
        f'!series_matrix_table_begin\n"ID_REF"\t{ids}\n{body}!series_matrix_table_end\n'
    )
    return ["GSE1_series_matrix.txt", "dataset.sample=donor"]


def annotated() -> list[str]:
    import anndata

    table = cells(12)
    about = pd.DataFrame({"dpt_pseudotime": np.linspace(0, 1, 12)}, index=table.index)
    about.iloc[2, 0] = np.nan
    anndata.AnnData(table.to_numpy(np.float32), obs=about, var=pd.DataFrame(index=GENES)).write_h5ad("cells.h5ad")
    Path("collectri.csv").write_text(
        "source,target,weight,resources,references\nGATA1,KLF1,1,ExTRI,1\nSPI1,GATA1,-1,HTRI,2\nMYC,JUN,1,HTRI,3\n"
    )
    return ["cells.h5ad", "collectri.csv"]


def table_of(content: str, name: str) -> list[str]:
    """A network beside wide expression."""
    Path(name).write_text(content)
    return [wide(), name]


def motifs() -> list[str]:
    pd.DataFrame(
        {"peak_id": ["chr1_1_9", "chr2_3_7"], "gene_short_name": ["KLF1", "JUN"], "GATA1": [1, 0], "SPI1": [0, 1]}
    ).to_csv("base_GRN.csv")
    return [wide(), "base_GRN.csv"]


LAYOUTS = {
    "BEELINE: genes in rows, pseudotime per lineage, a reference network": beeline,
    "DREAM and GeneNetWeaver: series one below the other, pairs with 1 and 0": challenge,
    "GEO: a series matrix": series_matrix,
    "scanpy: cells with dpt_pseudotime; CollecTRI": annotated,
    "CellOracle: a base network of motifs in peaks": motifs,
    "TRRUST: no header, signs in words": lambda: table_of(
        "GATA1\tKLF1\tActivation\t101;102\nSPI1\tGATA1\tRepression\t103\nTAL1\tKLF1\tUnknown\t104\n", "trrust.tsv"
    ),
    "DoRothEA: letters of confidence": lambda: table_of(
        "source,confidence,target,weight\nGATA1,A,KLF1,1\nSPI1,D,GATA1,-1\n", "dorothea.csv"
    ),
    "STRING: parted by blanks, scores to 1,000": lambda: table_of(
        "protein1 protein2 combined_score\nGATA1 KLF1 987\nSPI1 GATA1 400\n", "links.txt"
    ),
    "OmniPath: two kinds of names, stimulation and inhibition": lambda: table_of(
        "source\ttarget\tsource_genesymbol\ttarget_genesymbol\tis_stimulation\tis_inhibition\n"
        "P15976\tQ13351\tGATA1\tKLF1\t1\t0\nP17947\tP15976\tSPI1\tGATA1\t0\t1\n",
        "omnipath.tsv",
    ),
    "PANDA: motifs with 1 and 0": lambda: table_of("GATA1\tKLF1\t1.0\nGATA1\tJUN\t0.0\nSPI1\tJUN\t1.0\n", "motif.txt"),
    "pySCENIC: regulons as sets of genes": lambda: table_of(
        "GATA1(+)\tregulon\tKLF1\tTAL1\nSPI1(-)\tregulon\tGATA1\n", "regulons.gmt"
    ),
}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, make in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
            words = make()
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                code = cli.main(["data", "inspect", *words])
            assert code == 0, printed.getvalue()
            shown = "\n".join(_beginning(Path(word)) for word in words if not word.startswith("dataset."))
        command = f"$ dashprune data inspect {' '.join(words)}"
        parts.append(f"## {title}\n\n```text\n{shown}\n{command}\n{printed.getvalue().strip()}\n```\n")
    return "\n".join(parts)


def _beginning(path: Path) -> str:
    if path.suffix == ".h5ad":
        return f"--- {path.name}: obs has dpt_pseudotime"
    lines = path.read_text().splitlines()
    shown = [line.replace("\t", "  ")[:100] for line in lines[:SHOWN]]
    return "\n".join([f"--- {path.name}", *shown, *(["..."] if len(lines) > SHOWN else [])])


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "120")
    found = page()
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text() == found else 1)
    PAGE.write_text(found)
