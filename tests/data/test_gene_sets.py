"""Gene sets: a GMT file as people have it, and the published collections."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashprune.data import brca, gene_sets, yeast
from dashprune.data.gene_sets import GeneSet, read_gmt, read_go_slim, read_reactome
from dashprune.data.published import locate, readers
from dashprune.errors import DashpruneError


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "sets.gmt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_gmt_file(tmp_path: Path) -> None:
    """With byte-order mark, Windows' line ends, a blank line, a repeated gene, empty cells and a set without genes."""
    text = "\ufeffcycle\tof cells\tA\tB\tA\r\n\r\nrepair\t\tC\t\t A \t\r\nempty\tx\t\r\n"
    assert read_gmt(written(tmp_path, text)) == [
        GeneSet("cycle", "of cells", ("A", "B")),
        GeneSet("repair", "", ("C", "A")),
        GeneSet("empty", "x", ()),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\tb\tC\n\na,b,C\n", "sets.gmt: row 3 has 1 of at least 3 cells; it needs a name, a description and genes"),
        ("a\tb\n", "sets.gmt: row 1 has 2 of at least 3 cells"),
        ("a\tb\tC\n\tb\tC\n", "sets.gmt: row 2 has no name"),
        ("a\tb\tC\na\tb\tD\n", "sets.gmt: row 2 names 'a', as an earlier row does; names must differ"),
        ("a\tb\t\n", "sets.gmt has no gene; it needs rows of a name"),
        ("", "sets.gmt has no gene"),
        (b"a\tb\t\xff\n", "sets.gmt is not text in UTF-8; save it as such"),
    ],
)
def test_a_broken_gmt_file_is_one_clear_line(content: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(DashpruneError) as error:
        read_gmt(written(tmp_path, content))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_reactome_is_named_by_title_and_where_two_share_it_by_id(tmp_path: Path) -> None:
    text = "A%REACTOME%R-1.2\tOne\tX\nB%REACTOME%R-2.1\tTwo\tY\nB%REACTOME DATABASE ID RELEASE 74%3\tTwo\tZ\n"
    names = [one.name for one in read_reactome(written(tmp_path, text))]
    assert names == ["One", "Two (R-2.1)", "Two (3)"]


SGD = """\
YAL001C\tTFC3\tS1\tP\ttranscription\tGO:1\tORF|Verified
YAL001C\tTFC3\tS1\tP\ttranscription\tGO:1\tORF|Verified
Q0045\tCOX1\tS2\tP\ttranscription\tGO:1\tORF|Verified
YAL002W-A\t\tS3\tF\tbinding\tGO:2\tORF|Dubious
YAL002W-A\t\tS3\tF\tother\t\tORF|Dubious
YAL002W-A\t\tS3\tC\tcellular component\tGO:0005575\tORF|Dubious
tA(AGC)D\t\tS4\tP\ttranslation\tGO:3\ttRNA_gene
CPX-1\tcomplex\tS5\tC\tnucleus\tGO:4\tprotein complex
"""


def test_go_slim(tmp_path: Path) -> None:
    path = written(tmp_path, SGD)
    sets = [
        GeneSet("transcription (GO:1)", "process", ("YAL001C", "Q0045")),
        GeneSet("binding (GO:2)", "function", ("YAL002W-A",)),
    ]
    assert read_go_slim(path) == sets
    assert gene_sets.NAMED["go_slim"][1](path) == sets[:1]
    with pytest.raises(DashpruneError, match=r"sets.gmt: row 9 has not SGD's 7 columns; fetch the published file"):
        read_go_slim(written(tmp_path, SGD + "YAL003W\tEFB1\n"))
    with pytest.raises(DashpruneError, match=r"sets.gmt names no gene of a GO term"):
        read_go_slim(written(tmp_path, SGD.splitlines()[-1]))


def test_a_name_or_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a\tb\tC\n")
    assert gene_sets.load(str(path)) == [GeneSet("a", "b", ("C",))]
    monkeypatch.setattr(gene_sets, "upstream_file", lambda relative: written(tmp_path, f"x%y%z\t{relative[:6]}\tC\n"))
    assert gene_sets.load("reactome") == [GeneSet("rosscm", "rosscm", ("C",))]
    for name, said in (
        ("reactom", "--gmt: there is no file 'reactom'; did you mean 'reactome'?; give a GMT file, or one of reactome"),
        (f"{tmp_path}/set.gmt", "set.gmt' does not exist; did you mean 'sets.gmt'?"),
        (str(tmp_path), "is a folder, not a file; set --gmt=FILE"),
    ):
        with pytest.raises(DashpruneError) as error:
            gene_sets.load(name)
        assert said in str(error.value)


def test_missing_published_sets_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DASHPRUNE_MIRROR", "DASHPRUNE_DATA"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(DashpruneError, match=r"run 'dashprune data fetch gene_sets' or .* dashprune pathways --gmt go"):
        gene_sets.load("go_slim")


@pytest.mark.usefixtures("mirror")
def test_reactome_has_the_published_size_and_names_of_brca() -> None:
    """2,418 sets of 10,552 genes, of which 325 are among the 500, counted in the published files."""
    sets = gene_sets.load("reactome")
    assert len(sets) == len({one.name for one in sets}) == 2418
    genes = {gene for one in sets for gene in one.genes}
    assert len(genes) == 10552
    names = readers.read_names(locate.upstream_file(f"{brca._PHOENIX}/desmedt_gene_names_500.csv"), "gene")
    assert len(genes.intersection(names)) == 325


def test_go_slim_equals_the_derived_sets(derived: Path) -> None:
    """Which call the aspects GO_BP_slim and so on, and sort both sets and genes."""
    path = locate.upstream_file(gene_sets.NAMED["go_slim"][0])
    aspects = {"GO_BP_slim": "process", "GO_MF_slim": "function", "GO_CC_slim": "component"}
    listed = {
        (one.name, aspects[one.description]): set(one.genes)
        for one in read_gmt(derived / "gene_sets/yeast_go_slim_orf.gmt")
    }
    assert {(one.name, one.description): set(one.genes) for one in read_go_slim(path)} == listed
    assert len(listed) == 681
    processes = gene_sets.load("go_slim")
    assert len(processes) == 130
    names = readers.read_names(locate.upstream_file(f"{yeast._PHOENIX}/pramila3551_gene_names.csv"), "x")
    assert len({gene for one in processes for gene in one.genes}.intersection(names)) == 2717
