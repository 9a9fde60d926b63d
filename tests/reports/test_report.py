"""A report: what it says of a run whose scores are known, and that a browser shows it."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.support.ui import Select

from dashprune import compose, train_prune_eval
from dashprune.cli.main import main
from dashprune.errors import DashpruneError
from dashprune.reports import charts, content, page
from dashprune.reports.content import Content
from dashprune.runs import identity, results
from tests.conftest import SMALL
from tests.reports import browser

browses = pytest.mark.skipif(not (browser.CHROMIUM and browser.DRIVER), reason=browser.REASON)
EVIL = "</script><script>document.title='evil'</script>"


def run(outputs: Path, *words: str) -> Path:
    return identity.folder_of(train_prune_eval(compose([*SMALL, "train.epochs=4", f"outputs={outputs}", *words])))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reported")


@pytest.fixture(scope="module")
def folder(outputs: Path) -> Path:
    return run(outputs, "pruner=dash", "pruner.target_sparsity=0.8")


@pytest.fixture(scope="module")
def found(folder: Path, outputs: Path) -> Content:
    run(outputs, "pruner=imp")
    run(outputs, "control=lasso")
    run(outputs, "pruner=imp", "dataset.noise=0.1")  # other data, which are not shown beside it
    return content.gather(folder, results.collect(outputs))


def test_edges_are_prior_novel_or_cut_from_the_prior(found: Content) -> None:
    edges, problem = found.edges, found.network.problem
    prior = {(problem.genes[i], problem.genes[j]) for i, j in np.argwhere(problem.prior.toarray() != 0)}
    kept = set(zip(found.network.edges["source"], found.network.edges["target"], strict=True))
    by_status = {status: set(zip(own["source"], own["target"], strict=True)) for status, own in edges.groupby("status")}
    assert by_status["prior"] == kept & prior
    assert by_status["novel"] == kept - prior
    assert by_status.get("contradicted", set()) == prior - kept
    assert found.contradicted == len(prior - kept) > 0


def test_scores_are_the_runs_beside_others_on_the_same_data_and_what_needs_no_run(found: Content) -> None:
    names = found.scores["strategy"].tolist()
    assert names == ["this run: phoenix dash", "the prior alone", "no change", "control: lasso", "phoenix imp"]
    line = found.scores.iloc[0]
    assert line["balanced accuracy"] == f"{found.row['balanced_accuracy']:.4f}"
    assert found.scores.iloc[2]["MSE over persistence"] == "1.000"


def test_sentences_and_warnings_say_what_the_scores_mean(found: Content) -> None:
    text = " ".join(found.sentences)
    assert f"{100 * found.row['mse_relative']:.1f} % of that of predicting no change" in text
    assert f"balanced accuracy of {100 * found.row['balanced_accuracy']:.1f} %" in text
    warned = " ".join(found.warnings)
    assert ("no better than no change" in warned) == (found.row["mse_relative"] >= 0.98)
    assert ("The prior by itself finds" in warned) == ("so the network is no better" in text)
    useless = {**found.row, "mse_relative": 1.02}
    controls = {"prior": {"balanced_accuracy": 0.6}, "persistence": {}}
    lines = list(content._warnings(useless, controls, found.network, found.history, found.courses))
    assert lines[0].startswith("The model predicts no better than no change (its error is 102.0 % of that)")


def test_edges_with_the_other_sign_than_in_the_prior_are_counted(found: Content) -> None:
    place = {gene: k for k, gene in enumerate(found.network.problem.genes)}
    prior = found.network.problem.prior.toarray()
    signs = [prior[place[edge.source], place[edge.target]] * edge.sign for edge in found.network.edges.itertuples()]
    turned, kept = sum(sign < 0 for sign in signs), sum(sign != 0 for sign in signs)
    assert content._turned(found.network) == (turned, kept)
    assert turned > 0
    assert f"{turned} of the {kept} edges of the prior" in " ".join(found.warnings)
    unsigned = found.network._replace(problem=replace(found.network.problem, prior=abs(found.network.problem.prior)))
    assert content._turned(unsigned) == (0, kept)


def test_regulators_have_targets_and_the_most_influential_come_first(found: Content) -> None:
    effects = np.abs(found.network.model.effect_matrix().detach().numpy().astype(float))
    share = effects / np.maximum(effects.sum(axis=0), 1e-30)
    np.fill_diagonal(share, 0)
    genes = np.array(found.network.problem.genes)
    own = dict(zip(genes, share.sum(axis=1), strict=True))
    assert set(found.regulators["gene"]) == set(genes[(effects > 0).any(axis=1)]) < set(genes)
    assert found.regulators["influence"].tolist() == pytest.approx([own[gene] for gene in found.regulators["gene"]])
    assert found.regulators["influence"].is_monotonic_decreasing


def test_activity_is_in_standard_deviations_of_the_mean_over_trajectories(found: Content) -> None:
    train, active = found.network.problem.train, found.active
    means = train.expression.mean(axis=0)  # (times, genes): all trajectories have the same times
    gene = list(found.network.problem.genes).index(active.genes[0])
    expected = (means[:, gene] - means[:, gene].mean()) / means[:, gene].std()
    assert active.what == "expression"
    assert active.times == [f"{time:.4g}" for time in train.times[0]]
    assert active.values[0] == pytest.approx(expected, abs=1e-4)


def test_values_of_courses_are_those_of_the_test_split_gene_after_gene(found: Content) -> None:
    encoded = page._values(found.courses)["measured 0"]
    values = np.frombuffer(base64.b64decode(encoded), dtype="<f4").reshape(len(found.courses.genes), -1)
    problem = found.network.problem
    np.testing.assert_array_equal(values.T, problem.test.expression[0][~np.isnan(problem.test.times[0])])
    assert list(found.courses.genes) == list(problem.genes)


def test_of_many_genes_those_that_vary_most_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "VALUES", 600)
    few = content.gather(folder, [])
    split = few.network.problem.test
    variance = dict(zip(few.network.problem.genes, np.nanvar(split.expression.reshape(-1, 24), axis=0), strict=True))
    assert 1 < len(few.courses.genes) < 24
    assert max(variance, key=lambda gene: variance[gene]) in few.courses.genes
    assert few.courses.first in few.courses.genes


def test_the_best_of_a_folder_is_that_with_the_least_validation_error(outputs: Path, found: Content) -> None:
    rows = results.by_folder(outputs)
    with pytest.raises(DashpruneError, match="runs on different data of sim350"):
        content.best(outputs, rows)  # one has more noise
    alike = {path: row for path, row in rows.items() if row["config"]["dataset"]["noise"] != 0.1}
    best = content.best(outputs, alike)
    trained = [row["validation_mse"] for row in alike.values() if "model" in row["config"]]
    assert alike[best]["validation_mse"] == min(trained)
    assert len(trained) == 2 < len(alike), "a control has none"


def test_the_layout_is_the_same_each_time_and_fills_the_square(found: Content) -> None:
    one, other = (charts.layout(found.edges.head(30)) for _ in range(2))
    assert one == other
    assert np.ptp(np.array(list(one.values())), axis=0) == pytest.approx([2, 2])


def test_what_can_be_wrong_is_one_line(
    folder: Path, outputs: Path, found: Content, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = next(iter((outputs / "runs" / "sim350" / "control" / "lasso").iterdir()))
    (tmp_path / "empty").mkdir()
    for words, said in [
        (["nowhere"], "there is no run"), ([""], "the name of the run is empty"), ([str(control)], "is a control's"),
        ([str(tmp_path / "empty")], "no result.json"),
        ([str(folder), "--gmt", "nothing.gmt"], "nothing.gmt"), ([str(folder), "--edges", "0"], "--edges"),
        ([str(folder), "--compare", str(folder)], "named twice"), ([str(folder), "--compar", "x"], "unrecognized"),
        ([str(control.parent)], "no run below"), ([str(folder), "--out", str(folder)], "cannot be written"),
        ([str(folder), "--out", ""], "it is empty"),
    ]:  # fmt: skip
        assert main(["report", *words]) == 2, words
        lines = capsys.readouterr().err.splitlines()
        assert said in lines[-1], (words, lines)
        assert len(lines) == 1


@pytest.fixture(scope="module")
def made(folder: Path, found: Content, outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of that run, compared with another, with a gene set."""
    place = tmp_path_factory.mktemp("page")
    genes = found.network.problem.genes
    (place / "sets.gmt").write_text(
        "".join(
            f"{name}\tabout\t" + "\t".join(genes[start : start + 8]) + "\n" for name, start in [("first", 0), (EVIL, 8)]
        )
    )
    other = next((outputs / "runs" / "sim350" / "phoenix" / "imp").iterdir())
    words = [
        "--gmt",
        str(place / "sets.gmt"),
        "--compare",
        str(other),
        "--out",
        str(place / "page.html"),
        "--edges",
        "20",
    ]
    assert main(["report", str(folder), *words]) == 0
    return place / "page.html"


def test_the_page_needs_nothing_from_elsewhere(made: Path) -> None:
    text = made.read_text(encoding="utf-8")
    assert not re.findall(r"<script[^>]+src", text)
    outside = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)
    assert not re.findall(r"""<(?:link|img|iframe)[^>]+(?:src|href)=(?!"data:)""", outside)
    assert EVIL not in text


@browses
@pytest.mark.slow
def test_a_browser_shows_it_without_complaints_and_finds_genes(made: Path, found: Content) -> None:
    with browser.opened(made) as driver:
        assert driver.title == found.network.name
        assert [len(browser.data(driver, f"lines {kind}")["xs"]) for kind in ("prior", "novel")] == [
            sum(found.edges.head(20)["status"] == kind) for kind in ("prior", "novel")
        ]
        gene = found.edges["source"][0]
        own = found.edges[(found.edges["source"] == gene) | (found.edges["target"] == gene)]
        browser.typed(driver, "find", gene.lower())
        drawn = sum(len(browser.data(driver, f"lines {kind}")["xs"]) for kind in charts.KINDS)
        assert drawn == min(len(own), 60)
        assert driver.find_element("id", "found").text == f"{len(own)} edges"
        browser.typed(driver, "find", "NOBODY")
        assert "no edge of NOBODY" in driver.find_element("id", "found").text
        assert not browser.complaints(driver)


@browses
@pytest.mark.slow
def test_edges_can_be_filtered_and_sorted(made: Path, found: Content) -> None:
    grid = """const find = (root) => root.querySelector('.slick-viewport') ? root : [...root.querySelectorAll('*')]
            .filter((one) => one.shadowRoot).map((one) => find(one.shadowRoot)).find(Boolean);
        const root = find(document.getElementById('edges'));"""
    cells = f"""{grid} return [...root.querySelectorAll('.slick-row')]
        .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
        .map((row) => [...row.querySelectorAll('.slick-cell')].map((cell) => cell.textContent.trim()));"""
    with browser.opened(made) as driver:
        driver.execute_script("document.getElementById('edges').scrollIntoView()")
        browser.wait(driver, f"return (() => {{ {cells} }})().length > 3")
        first, second = found.edges["source"][0], found.edges["target"][0]
        browser.typed(driver, "filter", f"{first} -> {second}")
        browser.wait(driver, f"return (() => {{ {cells} }})().length === 1")
        assert driver.execute_script(cells)[0][:2] == [first, second]
        browser.typed(driver, "filter", "")
        status = Select(driver.find_element("id", "status"))
        status.select_by_visible_text("contradicted")
        left = f"'{found.contradicted} of {len(found.edges)} edges'"
        browser.wait(driver, f"return document.getElementById('left').textContent === {left}")
        status.select_by_visible_text("all")
        heading = driver.execute_script(f"{grid} return root.querySelector('.slick-header-column')")
        ActionChains(driver).move_to_element(heading).click().perform()
        least = min(found.edges["source"])
        browser.wait(driver, f"return (() => {{ {cells} }})()[0][0] === {least!r}")
        shown = [row[0] for row in driver.execute_script(cells)]
        assert shown == sorted(shown)
        assert not browser.complaints(driver)


@browses
@pytest.mark.slow
def test_courses_are_those_of_the_gene_that_is_chosen(made: Path, found: Content) -> None:
    gene = found.courses.genes[5]
    with browser.opened(made) as driver:
        browser.typed(driver, "gene", gene)
        shown = browser.data(driver, "measured 0")
        assert shown["y"] == pytest.approx(found.courses.courses[0].measured[:, 5].tolist(), rel=1e-6)
        assert driver.execute_script("return Bokeh.documents[0].get_model_by_name('chart courses').title.text") == gene


@browses
@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_legible_on_any_screen(made: Path, width: int, dark: bool) -> None:
    contrast = """const light = (text) => { const part = text.match(/[\\d.]+/g).slice(0, 3).map((x) => x / 255)
            .map((x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
            return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2]; };
        const page = light(getComputedStyle(document.body).backgroundColor);
        return [...document.querySelectorAll('h1, h2, p, td, th, a, dt, dd, span.up, span.down, input')].map((one) => {
            const text = light(getComputedStyle(one).color);
            return [(Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05),
                    parseFloat(getComputedStyle(one).fontSize)]; });"""
    with browser.opened(made, width=width, dark=dark) as driver:
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width, "nothing sticks out"
        measured = np.array(driver.execute_script(contrast))
        assert measured[:, 0].min() >= 4.5  # WCAG 2.2, level AA
        assert measured[:, 1].min() >= 13
        ink = driver.execute_script("return Bokeh.documents[0].get_model_by_name('chart courses').title.text_color")
        assert ink == ("#e0e0e0" if dark else "#333333")
        assert not browser.complaints(driver)


@browses
@pytest.mark.slow
def test_printed_it_is_light(made: Path) -> None:
    with browser.opened(made, dark=True) as driver:
        driver.execute_script("window.dispatchEvent(new Event('beforeprint'))")
        assert driver.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        pdf = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
        assert pdf.startswith(b"%PDF")
        assert len(pdf) > 50_000


@browses
@pytest.mark.slow
def test_the_published_350_genes_fit_into_5_mb_and_open_soon(tmp_path: Path) -> None:
    words = ["dataset.network=published", "pruner=dash", "train.epochs=2", f"outputs={tmp_path}"]
    path = tmp_path / "page.html"
    assert main(["report", str(identity.folder_of(train_prune_eval(compose(words)))), "--out", str(path)]) == 0
    assert path.stat().st_size < 5_000_000
    with browser.opened(path) as driver:
        assert driver.seconds < 6, "2 seconds on a quiet machine; tests share theirs"
        assert not browser.complaints(driver)


def test_names_are_names_wherever_they_are_read(found: Content) -> None:
    edges = found.edges.copy()
    edges.loc[0, "source"] = EVIL
    regulators = pd.DataFrame({"gene": [EVIL], "influence": [1.0], "out_degree": [3]})
    active = found.active._replace(genes=[EVIL, *found.active.genes[1:]])
    courses = found.courses._replace(genes=[EVIL, *found.courses.genes[1:]], first=EVIL)
    own = found._replace(
        edges=edges, regulators=regulators, active=active, courses=courses, warnings=[EVIL], sentences=[EVIL],
        about={**found.about, "dataset": EVIL}, row={**found.row, "config": {"name": EVIL}},
    )  # fmt: skip
    text = page.html(own, 20, {"sweep": EVIL})
    assert EVIL not in text
    assert "<script>document.title" not in text


@browses
@pytest.mark.slow
def test_genes_may_be_called_as_a_language_calls_its_own(found: Content, tmp_path: Path) -> None:
    odd = dict(zip(found.edges["source"].unique(), ["__proto__", "constructor", "toString"], strict=False))
    edges = found.edges.assign(**{name: found.edges[name].replace(odd) for name in ("source", "target")})
    path = tmp_path / "page.html"
    page.write(path, page.html(found._replace(edges=edges), 20))
    with browser.opened(path) as driver:
        drawn = browser.data(driver, "nodes")
        assert set(odd.values()) & set(drawn["gene"])
        assert all(size > 0 for size in drawn["size"])
        browser.typed(driver, "find", "__proto__")
        assert "__proto__" in browser.data(driver, "nodes")["gene"]
        assert not browser.complaints(driver)
