"""A user's table of what was done to the cells: what it means, and every mistake in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dashprune.data.problem import Split
from tests.cli.test_cli import mistake
from tests.data.test_custom import dataset, folder, load, put, refused, table

__all__ = ["folder"]

FILE = "interventions.csv"
HEADER = "sample,gene,kind,value,from,to"
ROWS = [
    "s1,TP53,knockout,,,",
    "s2,MDM2,knockdown,,1,",
    "s2,MYC,knockdown,0.2,,2.5",
    "s3,ESR1,overexpression,0.9,0.4,4",
    "s3,MYC,input,-0.3,,",
    "s3,MYC,input,0.1,2.5,4",
]
ALL = {"validation": "null", "test": "null"}


def write(*rows: str, header: str = HEADER) -> None:
    Path(FILE).write_text("\n".join([header, *rows]) + "\n")


def read(**changed: object) -> Split:
    return load(interventions=FILE, **{**ALL, **changed}).train


def mistaken(*rows: str, header: str = HEADER) -> str:
    write(*rows, header=header)
    return refused(interventions=FILE, **ALL)


def test_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """Times are 0, 1, 2.5 and 4. Held from 0.4 is held in the whole first transition."""
    write(*ROWS)
    done = read().interventions
    assert done is not None
    held, factor, addition = (part.astype(float).round(6) for part in done)
    assert held[0, :, 0].tolist() == [0, 0, 0]
    assert held[2, :, 3].tolist() == [0.9, 0.9, 0.9]
    assert np.count_nonzero(~np.isnan(held)) == 6
    assert factor[1, :, 1].tolist() == [1, 0.5, 0.5]
    assert factor[1, :, 2].tolist() == [0.2, 0.2, 1]
    assert np.count_nonzero(factor != 1) == 4
    assert addition[2, :, 2].tolist() == [-0.3, -0.3, -0.2]
    assert np.count_nonzero(addition) == 3
    assert (
        "dashprune: interventions.csv: interventions: 6 (1 knockout, 2 knockdown, 1 overexpression, 2 input), genes: "
        "4, in 3 of 5 samples, over 14 transitions of a gene\n"
    ) in capsys.readouterr().err


def test_they_go_with_their_samples_into_the_splits() -> None:
    write("s4,TP53,knockout,,,", "s2,MYC,input,0.5,,")
    problem = load(interventions=FILE, validation="[s2]", test="[s4]")
    assert problem.train.free().all()
    assert (~problem.test.free()).sum(axis=0).tolist() == [3, 0, 0, 0]
    done = problem.validation.intervened()
    assert done is not None
    assert (done.addition == [0, 0, 0.5, 0]).all()


def test_a_single_sample_needs_no_column_and_single_transitions_keep_theirs() -> None:
    """Three transitions, one in each split."""
    table(1).drop(columns="sample").to_csv("expression.csv", index=False)
    write("MYC,input,1,0,1", "MYC,input,2,1,2.5", "MYC,input,3,2.5,4", header="gene,kind,value,from,to")
    problem = load(interventions=FILE, sample="null")
    found = []
    for split in (problem.train, problem.validation, problem.test):
        done = split.intervened()
        assert done is not None
        found.append((split.times[0, 0], done.addition[0, 2]))
    assert sorted(found) == [(0, 1), (1, 2), (2.5, 3)]


def test_scale_brings_values_to_the_same_scale() -> None:
    write("s1,TP53,overexpression,0.5,,")
    whole, scaled = read(), read(scale=True)
    assert whole.interventions is not None
    assert scaled.interventions is not None
    low, high = (whole.expression[:, :, 0].min(), whole.expression[:, :, 0].max())
    assert scaled.interventions.held[0, 0, 0] == pytest.approx((0.5 - low) / (high - low), rel=1e-5)


def test_tabs_and_missing_columns() -> None:
    Path("done.tsv").write_text("gene\tkind\tsample\nTP53\tknockout\ts1\n")
    assert (~load(interventions="done.tsv", **ALL).train.free()).sum() == 3


def test_a_file_without_rows_is_as_none(capsys: pytest.CaptureFixture[str]) -> None:
    write()
    assert read().interventions is None
    assert "interventions.csv: no interventions" in capsys.readouterr().err


def test_the_file_is_part_of_the_data() -> None:
    write(*ROWS)
    before = dataset(interventions=FILE).fingerprint()
    put(FILE, 2, "s1,TP53,knockout,0.1,,")
    assert dataset(interventions=FILE).fingerprint() != before
    assert dataset().fingerprint() not in {before, dataset(interventions=FILE).fingerprint()}
    assert read().interventions.held[0, 0, 0] == np.float32(0.1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("s1,TP35,knockout,,,", "row 2: expression.csv has no gene 'TP35'; did you mean 'TP53'?"),
        ("s1,Q,knockout,,,", "row 2: expression.csv has no gene 'Q'; it has TP53, MDM2, MYC, ESR1"),
        ("s11,TP53,knockout,,,", "row 2: expression.csv has no sample 's11'; did you mean 's1'?"),
        (
            "s1,TP53,knokout,,,",
            "row 2: kind 'knokout' is unknown; did you mean 'knockout'?; one of knockout, ",
        ),
        ("s1,TP53,overexpression,,,", "row 2: overexpression needs a value, the expression at which the gene is held"),
        ("s1,TP53,input,,,", "row 2: input needs a value, what is added to its input"),
        ("s1,TP53,knockdown,80,,", "row 2: a knockdown to 80 times the production; the value must be between 0 and 1"),
        ("s1,TP53,input,much,,", "row 2, column 'value' is 'much'; it must be a number, or empty"),
        ("s1,TP53,knockout,,3,2", "row 2: the window from 3 to 2 is empty; 'from' must be less than 'to'"),
        (
            "s1,TP53,knockout,,4,9",
            "row 2: the window from 4 to 9 is outside of the times of sample 's1', 0 to 4",
        ),
        ("s1,TP53,knockout,,1,1.7", "row 2: the window from 1 to 1.7 covers more than half of no transition"),
        ("s1,TP53,,,,", "row 2, column 'kind' is empty; every row needs a value"),
    ],
)
def test_mistakes(row: str, message: str) -> None:
    assert message in mistaken(row)


@pytest.mark.parametrize("other", ["knockdown,0.1,,", "input,1,,2", "knockout,,2.5,4", "overexpression,1,,"])
def test_a_gene_that_is_held_cannot_be_changed_or_held_again(other: str) -> None:
    message = "of a gene that another row holds or changes at the same time"
    assert f"row 3: {other.partition(',')[0]} {message}" in mistaken("s1,TP53,knockout,,,", f"s1,TP53,{other}")
    assert f"row 3: overexpression {message}" in mistaken(f"s1,TP53,{other}", "s1,TP53,overexpression,2,,")


def test_one_after_the_other_is_no_mistake() -> None:
    write("s1,TP53,knockdown,0.1,,1", "s1,TP53,knockout,,1,", "s2,TP53,input,1,,")
    assert (~read().free()).sum() == 2


def test_columns() -> None:
    assert "interventions.csv has no column 'gene'; it needs sample, gene, kind" in mistaken(header="sample,kind")
    assert "column 'form' is unknown; did you mean 'from'?; allowed are sample, gene" in mistaken(
        header="sample,gene,kind,form"
    )


@pytest.mark.slow
def test_on_the_command_line(tmp_path: Path) -> None:
    write("s1,TP35,knockout,,,")
    assert refused(interventions=FILE).startswith("interventions.csv: row 2: expression.csv has no gene 'TP35'")
    missing = mistake("run", "dataset=custom", "dataset.interventions=interventons.csv", cwd=tmp_path)
    assert "dataset.interventions: 'interventons.csv' does not exist; did you mean 'interventions.csv'?" in missing
