"""Feeding every reader files that are nearly right: each must be read, or refused in one line, and soon.

The inputs are a corpus of small files, changed by hypothesis: bytes and pieces are replaced, cut, doubled and swapped.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from dashprune import files
from dashprune.data import gene_sets
from dashprune.data.own.cells import Reading
from dashprune.data.own.expression import read_cells
from dashprune.data.own.networks import read_network
from dashprune.errors import DashpruneError
from dashprune.runs import checkpoints, results

LIMIT = 10.0
"""Seconds that no file may take."""
GENES = ("TP53", "MYC", "=x", "G4")
ODD = [
    b"", b"\x00", b"\xff\xfe", b",", b"\t", b"\n", b"\r", b'"', b"nan", b"inf", b"-inf", b"1e999", b"9" * 400, b"NaN",
    b"-1", b"0", b"null", b"[", b"{", b"}" * 9, b"[" * 3000, b"*a", b"&a ", b"!!python/name:os.system ", b"\xc3\x28",
    b"TP53", b"time", b"sample", b"0x10", b"1_000", b"TRUE", b"\xe2\x80\xae", b"\x1b[2J", b"=cmd()", b"../" * 4,
]  # fmt: skip


class Reader(NamedTuple):
    """What is fed.

    Attributes:
        corpus: small files that it reads.
        suffix: of the file's name.
        read: reads the file.
        sealed: makes of mutated content the file that is fed, such as one whose checksum fits.
    """

    corpus: list[bytes]
    suffix: str
    read: Callable[[Path], object]
    sealed: Callable[[bytes], bytes] = bytes


class Found(NamedTuple):
    """What feeding a reader gave: how many files, how many of them it read, and the longest time in seconds."""

    fed: int
    read: int
    slowest: float


def _wide() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "sample": ["a"] * 4 + ["b"] * 4,
            "time": [0.0, 1, 2, 3] * 2,
            **{gene: rng.random(8).round(3) for gene in GENES},
        }
    )


def _series_matrix(wide: pd.DataFrame) -> str:
    """As GEO writes it: what is said of the samples, then genes in rows."""
    names = [f"GSM{k}" for k in range(len(wide))]
    about = {name: "\t".join(f'"{name}: {value}"' for value in wide[name]) for name in ("sample", "time")}
    return "\n".join(
        [
            *(f"!Sample_characteristics_ch1\t{cells}" for cells in about.values()),
            "!series_matrix_table_begin",
            "\t".join(["ID_REF", *names]),
            *("\t".join([gene, *map(str, wide[gene])]) for gene in GENES),
            "!series_matrix_table_end\n",
        ]
    )


def _bytes(write: Callable[[Any], object]) -> bytes:
    target = io.BytesIO()
    write(target)
    return target.getvalue()


def _h5ad(target: io.BytesIO) -> None:
    """As AnnData 0.8 and later write it, without anndata, so that the corpus is the same everywhere."""
    wide = _wide()
    with h5py.File(target, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        for axis, names in (("obs", [f"c{k}" for k in range(8)]), ("var", list(GENES))):
            group = file.create_group(axis)
            columns = ["sample", "time"] if axis == "obs" else []
            group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index"})
            group.attrs["column-order"] = np.array(columns, dtype=h5py.string_dtype())
            for name, content in (("_index", names), *((one, wide[one].tolist()) for one in columns)):
                text = isinstance(content[0], str)
                group[name] = np.array(content, dtype=h5py.string_dtype() if text else "f8")
                group[name].attrs.update(
                    {"encoding-type": "string-array" if text else "array", "encoding-version": "0.2.0"}
                )
        matrix = csr_matrix(wide[list(GENES)].to_numpy())
        group = file.create_group("X")
        group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": matrix.shape})
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(matrix, name)


def _state(target: io.BytesIO) -> None:
    torch.save({"history": [[1, 0.5]], "best": {"w": torch.arange(6.0)}, "seconds": 1.5}, target)


def _sealed(body: bytes) -> bytes:
    return f"dashprune checkpoint {checkpoints.FORMAT} run\n".encode() + body


def _mended(body: bytes) -> bytes:
    """Packed anew, with checksums that fit what the parts hold now; as it is, if it cannot be unpacked."""
    mended = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as parts, zipfile.ZipFile(mended, "w") as new:
            for info in parts.infolist():
                part = parts.open(info)
                part._expected_crc = None  # type: ignore[attr-defined]
                new.writestr(info.filename, part.read())
    except Exception:
        return _sealed(body)
    return _sealed(mended.getvalue())


def _expression(path: Path) -> object:
    return read_cells(path, Reading("sample", "time", None, None, (), None, "error", "error"))


def _network(path: Path) -> object:
    return read_network(path, GENES, "expression.csv", None)


def readers() -> dict[str, Reader]:
    """All readers of files that somebody else may have made, by name."""
    wide = _wide()
    long = wide.melt(["sample", "time"], var_name="gene")
    pairs = pd.DataFrame({"source": ["TP53", "MYC"], "target": ["MYC", "G4"], "weight": [1.0, -0.5]})
    square = pd.DataFrame(np.eye(4), index=list(GENES), columns=list(GENES))
    row = {
        "dataset": "sim350", "model": "phoenix", "pruner": "dash", "seed": 0, "id": "0123", "mse": 0.1,
        "config": {"seed": 0, "pruner": {"name": "dash", "lambda_1": 0.5}}, "versions": {"commit": "abc"},
    }  # fmt: skip
    chosen = (
        "# @package _global_\ndefaults:\n  - override /pruner: dash\npruner: {lambda_1: 0.5, list: &a [1, 2], b: *a}\n"
    )
    tables = [wide.to_csv(index=False), long.to_csv(index=False)]
    networks = [pairs.to_csv(index=False), square.to_csv(), "TP53\tactivates\tMYC\nMYC\tinhibits\tG4\n"]
    gap = networks[2].replace("\n", "\n" * 75, 1)  # the fast parser of pandas 2.3 never returns
    return {
        "csv": Reader([one.encode() for one in tables], ".csv", _expression),
        "tsv": Reader([one.replace(",", "\t").encode() for one in tables], ".tsv", _expression),
        "series matrix": Reader([_series_matrix(wide).encode()], ".txt", _expression),
        "parquet": Reader([_bytes(wide.to_parquet), _bytes(long.to_parquet)], ".parquet", _expression),
        "h5ad": Reader([_bytes(_h5ad)], ".h5ad", _expression),
        "network": Reader([one.encode() for one in networks], ".csv", _network),
        "network sif": Reader([networks[2].encode(), gap.encode()], ".sif", _network),
        "gmt": Reader([b"set one\tabout\tTP53\tMYC\tG4\nset two\t\tMYC\tG4\n"], ".gmt", gene_sets.read_gmt),
        "yaml": Reader([chosen.encode()], ".yaml", files.read_yaml),
        "result.json": Reader([json.dumps(row, indent=1).encode()], ".json", lambda path: results.load(path.parent)),
        "checkpoint": Reader([_sealed(_bytes(_state))], ".pt", checkpoints.read),
        "checkpoint, checksums mended": Reader([_bytes(_state)], ".pt", checkpoints.read, lambda one: _mended(one)),
    }


@st.composite
def mutated(draw: st.DrawFn, corpus: list[bytes]) -> bytes:
    """A file of the corpus with some of its pieces changed."""
    content = draw(st.sampled_from(corpus))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        stop = min(len(content), start + draw(st.integers(0, 12)))
        kind = draw(st.sampled_from(["odd", "bytes", "flip", "cut", "double", "end"]))
        piece = content[start:stop]
        new = {
            "odd": lambda: draw(st.sampled_from(ODD)),
            "bytes": lambda: draw(st.binary(max_size=8)),
            "flip": lambda piece=piece: bytes(one ^ (1 << draw(st.integers(0, 7))) for one in piece[:1]) + piece[1:],
            "cut": lambda: b"",
            "double": lambda piece=piece: piece * draw(st.integers(2, 200)),
            "end": lambda: b"",
        }[kind]()
        content = content[:start] + new + (b"" if kind == "end" else content[stop:])
    return content


def feed(reader: Reader, folder: Path, files_fed: int, number: int = 0) -> Found:
    """Feed a reader.

    Args:
        reader: what is fed.
        folder: for the files.
        files_fed: how many.
        number: seed of the changes.

    Raises:
        AssertionError: if a file takes too long, or is refused in more than one line.
        Exception: whatever else a reader raises; hypothesis shows the file.
    """
    place = folder / "run" / {".json": "result", ".pt": "checkpoint"}.get(reader.suffix, "file")
    place.parent.mkdir(parents=True, exist_ok=True)
    path = place.with_name(place.name + reader.suffix)
    fed, read, slowest = 0, 0, 0.0

    @seed(number)
    @settings(
        max_examples=files_fed, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )  # fmt: skip
    @given(mutated(reader.corpus))
    def feeding(content: bytes) -> None:
        nonlocal fed, read, slowest
        path.write_bytes(reader.sealed(content))
        started, lines = time.monotonic(), 1
        try:
            reader.read(path)
            read += 1
        except (DashpruneError, checkpoints.UnusableError) as error:
            lines = str(error).count("\n") + 1
        spent = time.monotonic() - started
        assert spent < LIMIT, f"{spent:.0f} s"
        assert lines == 1
        fed, slowest = fed + 1, max(slowest, spent)

    for content in reader.corpus:
        path.write_bytes(reader.sealed(content))
        reader.read(path)
    feeding()
    return Found(fed, read, slowest)
