"""The page of a run on images with several labels: figures, thresholds, mistakes."""

import json
import shutil
from pathlib import Path

import pytest

from tests.fakes import MappingEngine
from tests.report.pages import Element, read_page
from tests.training.runs import table
from tests.training.several import draw_several
from torch_inception import TrainingResult, train_classifier, write_report
from torch_inception.system.cache_folder import CACHE_VARIABLE


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """Train on drawn images, of which a few have a label too many."""
    folder = tmp_path_factory.mktemp("several_report")
    labels = draw_several(folder)
    lines = labels.read_text(encoding="utf-8").splitlines()
    are_wrong = ("images/010_1", "images/010_2")
    wrong = [f"{line}|red" if line.startswith(are_wrong) else line for line in lines]
    labels.write_text("\n".join(wrong), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder / "cache"))
        return train_classifier(
            "", labels=labels, output=folder / "run", engine=MappingEngine(),
            near_duplicates="ignore", holdout=0.3, threshold=["blue=0.5"],
        )  # fmt: skip


@pytest.fixture(scope="module")
def page(result: TrainingResult) -> Element:
    """Read its report."""
    return read_page(write_report(result.output, result.classifier))


def test_its_sections_and_figures(page: Element, result: TrainingResult) -> None:
    sections = [each.attributes.get("id", "") for each in page.all("section")]
    assert sections[:5] == ["", "images", "classes", "misclassified", "curves"]
    assert sections[-1] == "settings"
    said = page.all("section")[0].text()
    for part in ("test", "leave_one_out"):
        assert f"{result.metrics[part]['mean_average_precision']:.3f}" in said
        assert f"{result.metrics[part]['micro_f1']:.3f}" in said


def test_the_table_has_each_class_with_its_threshold(page: Element, result: TrainingResult) -> None:
    rows = [row.text() for row in page.all("table")[0].all("tr")[1:]]
    assert len(rows) == 3
    for label, threshold in result.metrics["head"]["thresholds"].items():
        (row,) = [row for row in rows if label in row]
        assert f"{threshold:.3f}" in row
    (section,) = [each for each in page.all("section") if each.attributes.get("id") == "classes"]
    assert "The threshold of blue was set with --threshold." in section.text()


def test_mistakes_are_those_of_the_tables(page: Element, result: TrainingResult) -> None:
    wrong = {
        row["path"]
        for name in ("predictions.csv", "held_out.csv")
        for row in table(result.output / name)
        if row["missed"] or row["added"]
    }
    (section,) = [
        each for each in page.all("section") if each.attributes.get("id") == "misclassified"
    ]
    said = section.text()
    assert wrong
    for path in wrong:
        assert Path(path).name in said
    assert len(section.all("article")) == len(wrong)
    assert "not named: red" in said
    # The map is of the label that is most wrong, and the page says which that is.
    for article in section.all("article"):
        (told,) = [each.text() for each in article.all("p") if each.text().startswith("map: ")]
        assert f"Map: what speaks for {told.removeprefix('map: ')}" in {
            each.attributes.get("alt") for each in article.all("img")
        }


def test_without_scores_none_is_shown(tmp_path: Path, result: TrainingResult) -> None:
    """Where classes times images are too many, none are written."""
    shutil.copytree(result.output, tmp_path / "run")
    (tmp_path / "run" / "scores.csv").unlink()
    page = read_page(write_report(tmp_path / "run", result.classifier))
    section = page.one("section", id="misclassified")
    for article in section.all("article"):
        assert "%" not in article.text()
        assert "not named: red" in article.text()
    assert "largest errors" not in section.text()
    assert "of a label that is wrong" in section.text()
    assert not page.all("section", id="curves")


def test_names_that_are_markup_stay_text(tmp_path: Path) -> None:
    labels = draw_several(tmp_path / "drawn", each=4)
    hostile = "<script>alert(1)</script>"
    labels.write_text(labels.read_text().replace("red", hostile))
    result = train_classifier(
        "", labels=labels, output=tmp_path / "run", engine=MappingEngine(),
        near_duplicates="ignore",
    )  # fmt: skip
    page = read_page(write_report(result.output, result.classifier))
    assert not page.all("script")
    assert hostile in page.text()
    assert json.loads((result.output / "metrics.json").read_text())["classes"][0] == hostile


def test_a_curve_marks_the_threshold_in_use(page: Element, result: TrainingResult) -> None:
    (section,) = [each for each in page.all("section") if each.attributes.get("id") == "curves"]
    thresholds = result.metrics["head"]["thresholds"]
    for article in section.all("article"):
        label = article.all("h3")[0].text()
        (dot,) = article.all("circle")
        told = f"Threshold {thresholds[label]:.3f}: recall "
        assert told in article.all("p")[0].text()
        assert article.all("title")[0].text().startswith(told)
        assert 0 < float(dot.attributes["cx"]) < 224
