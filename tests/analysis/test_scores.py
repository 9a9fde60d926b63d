from __future__ import annotations

import pytest

from dashprune.analysis.scores import COMPARED, SCORES


def test_the_best_is_the_highest_or_the_lowest() -> None:
    assert SCORES["balanced_accuracy"].best([0.5, 0.9, 0.7]) == 0.9
    assert SCORES["mse"].best([2e-3, 1e-3]) == 1e-3
    with pytest.raises(ValueError, match="of edges neither higher nor lower"):
        SCORES["edges"].best([1, 2])


def test_what_is_compared_has_a_better_way() -> None:
    assert [score.name for score in COMPARED] == ["balanced_accuracy", "mse"]
    assert all(score.better for score in COMPARED)


@pytest.mark.parametrize(
    ("name", "title", "shown"),
    [("sparsity", "sparsity, %", "95.00"), ("mse", "MSE, 1e-4", "9500.000"), ("auprc", "AUPRC", "0.950")],
)
def test_a_number_is_shown_in_the_unit_of_its_score(name: str, title: str, shown: str) -> None:
    score = SCORES[name]
    assert score.title(1e-4) == title
    assert f"{0.95 * score.factor(1e-4):{score.unit_digits}}" == shown


def test_a_score_repeats_one_that_there_is() -> None:
    assert {score.repeats for score in SCORES.values() if score.repeats} == {"balanced_accuracy", "epochs"}
    assert len({score.heading for score in SCORES.values()}) == len(SCORES)
