"""The page of a run: its figures are scikit-learn's, and it has what there is to show."""

import base64
import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from tests.fakes import MappingEngine
from tests.report.pages import Element, read_page
from tests.report.runs import LABELS, draw_images, make_run
from torch_inception import (
    Classifier,
    TrainingResult,
    evaluate_classifier,
    train_classifier,
    write_report,
)
from torch_inception.errors import ConfigError
from torch_inception.report import confusion, findings, mistakes
from torch_inception.report.results_folder import ResultsFolder


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """Train on three classes, with four wrong labels."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("report")
        patch.setenv("TORCH_INCEPTION_CACHE", str(folder / "cache"))
        return make_run(folder)


@pytest.fixture(scope="module")
def page(result: TrainingResult) -> Element:
    """Read its report."""
    return read_page(write_report(result.output, result.classifier))


def first_of(section: Element) -> Element:
    """Return the table of the part that is shown first."""
    return section.all("table")[0]


def cells(row: Element) -> list[str]:
    return [each.text() for each in row.content if isinstance(each, Element)]


def test_its_sections_are_in_the_order_in_which_people_ask(page: Element) -> None:
    sections = [each.attributes.get("id", "") for each in page.all("section")]
    assert sections == [
        "", "images", "confusion", "classes", "misclassified", "calibration", "unlike", "files",
        "learning", "curves", "settings",
    ]  # fmt: skip
    links = [each.attributes["href"] for each in page.one("nav").all("a")]
    assert links == [f"#{name}" for name in sections[1:]]


def test_accuracy_comes_with_its_interval_and_its_images(
    page: Element, result: TrainingResult
) -> None:
    text = page.one("section", class_="headlines").text()
    left_out = result.metrics["leave_one_out"]
    low, high = left_out["wilson_interval_95"]
    assert f"Accuracy on {left_out['n']} training images, each left out in turn" in text
    assert f"{100 * left_out['accuracy']:.1f}%" in text
    assert f"95% interval: {100 * low:.1f}% to {100 * high:.1f}%" in text


def test_the_matrix_is_scikit_learns_and_its_cells_hold_their_images(
    page: Element, result: TrainingResult
) -> None:
    answers = ResultsFolder(result.output).judged[0].answers
    labels = sorted(LABELS)
    expected = metrics.confusion_matrix(
        [each.label for each in answers], [each.prediction for each in answers], labels=labels
    )
    section = page.one("section", id="confusion")
    rows = first_of(section).one("tbody").all("tr")
    assert [[int(cell or 0) for cell in cells(row)[1:]] for row in rows] == expected.tolist()
    assert [cells(row)[0] for row in rows] == labels
    for row in rows:
        of_row = {each.path for each in answers if each.label == cells(row)[0]}
        for button in row.all("button"):
            cell = section.one("div", id=button.attributes["popovertarget"])
            assert button.attributes["aria-label"].endswith(f": {cell.one('h3').text()}")
            shown = [each.text().rsplit(" ", 1)[0] for each in cell.all("figcaption")]
            assert len(shown) == min(int(button.text()), confusion.SHOWN_IN_CELL)
            assert set(shown) <= of_row


def test_figures_per_class_are_scikit_learns(page: Element, result: TrainingResult) -> None:
    answers = ResultsFolder(result.output).judged[0].answers
    labels = sorted(LABELS)
    precision, recall, f1, count = metrics.precision_recall_fscore_support(
        [each.label for each in answers], [each.prediction for each in answers], labels=labels
    )
    order = numpy.argsort(f1)
    rows = first_of(page.one("section", id="classes")).one("tbody").all("tr")
    for place, row in zip(order, rows, strict=True):
        label, images, *shown = cells(row)
        assert (label, int(images)) == (labels[place], count[place])
        expected = [f"{100 * values[place]:.1f}%" for values in (recall, precision, f1)]
        assert shown[::2] == expected


def test_the_calibration_error_is_scikit_learns(page: Element, result: TrainingResult) -> None:
    answers = ResultsFolder(result.output).judged[0].answers
    scores = numpy.array([each.score for each in answers])
    is_right = numpy.array([each.label == each.prediction for each in answers])
    right, mean_score = calibration_curve(is_right, scores, n_bins=10)
    counts = numpy.histogram(scores, bins=10, range=(0, 1))[0]
    error = (counts[counts > 0] * abs(right - mean_score)).sum() / counts.sum()
    section = page.one("section", id="calibration")
    assert section.all("strong")[0].text() == f"{100 * error:.1f} percentage points"
    assert len(section.all("svg")[0].all("circle")) == len(right)


def test_areas_under_curves_are_scikit_learns(page: Element, result: TrainingResult) -> None:
    folder = ResultsFolder(result.output)
    assert folder.scores is not None
    scores = [folder.scores.of(each.path) or {} for each in folder.judged[0].answers]
    section = page.one("section", id="curves")
    shown = {each.one("h3").text(): each.all("p")[0].text() for each in section.all("article")[:3]}
    for label in LABELS:
        is_own = [each.label == label for each in folder.judged[0].answers]
        own = [each[label] for each in scores]
        area = metrics.roc_auc_score(is_own, own)
        precision = metrics.average_precision_score(is_own, own)
        assert shown[label] == f"ROC area {area:.3f}, average precision {precision:.3f}"


def test_misclassified_images_come_with_what_may_tell_why(
    page: Element, result: TrainingResult
) -> None:
    wrong = [
        answer
        for judged in ResultsFolder(result.output).judged
        for answer in judged.answers
        if answer.label != answer.prediction
    ]
    wrong.sort(key=lambda each: -each.score)
    section = page.one("section", id="misclassified")
    cards = section.all("article")
    assert len(cards) == len(wrong) >= 4
    assert f"{len(wrong)} of 91, the most confident first. A set holds the true" in section.text()
    for answer, card in zip(wrong, cards, strict=True):
        assert card.one("h3").text() == f"{answer.label}, taken for {answer.prediction}"
        assert answer.path in card.text()
        assert f"score {100 * answer.score:.1f}%" in card.text()
        names = card.all("p")[1].text().removeprefix("set: ").split(", ")
        assert names[0] == answer.prediction
        near = card.one("div", class_="neighbours").all("figure")
        assert len(near) == 3
        assert not [each for each in near if answer.path in each.one("span").attributes.values()]
        (image,) = card.all("img")
        assert image.attributes["alt"] == f"Map: why {answer.prediction} and not {answer.label}"


def test_files_that_were_not_used_and_copies_are_told_of(page: Element) -> None:
    text = page.one("section", id="files").text()
    assert "1 file was not used:" in text
    assert "broken.pngnot an image but text" in text  # two cells
    assert "2 images in 1 group look like copies of each other" in text


def test_what_is_grouped_by_its_subject_alone_is_no_copy(
    tmp_path: Path, result: TrainingResult
) -> None:
    shutil.copytree(result.output, tmp_path / "run")
    (tmp_path / "run" / "groups.csv").write_text(
        "group,path,label,split,reason,nearest,bits,cosine\n"
        "g,a.png,red,train,group,c.png,3,0.999\n"
        "g,b.png,blue,train,group,,,\n"
        "g,c.png,red,train,near copy,a.png,3,0.999\n"
    )
    page = read_page(write_report(tmp_path / "run", result.classifier))
    text = page.one("section", id="files").text()
    assert "2 images in 1 group look like copies of each other, and were kept together." in text
    assert "different labels" not in text


def test_the_learning_curve_ends_with_all_images(page: Element, result: TrainingResult) -> None:
    section = page.one("section", id="learning")
    *_, before, last = result.metrics["learning_curve"]
    assert (
        f"From {before['images']} to {last['images']} training images, the accuracy went from "
        f"{100 * before['accuracy']:.1f}% to {100 * last['accuracy']:.1f}%."
    ) in section.text()
    assert len(section.one("svg").all("circle")) == 4


def test_settings_that_are_not_the_defaults_are_told(page: Element, result: TrainingResult) -> None:
    rows = page.one("section", id="settings").all("div")
    shown = {each.one("dt").text(): each.one("dd").text() for each in rows}
    assert shown["setting output"] == str(result.output)
    assert "setting solver" not in shown
    assert shown["SHA-256 of the weights"] == "f" * 64
    assert shown["head"].startswith("solver lda, strength")
    assert "All other settings are as by default" in page.one("section", id="settings").text()


def test_settings_that_cannot_be_read_are_not_called_the_defaults(
    tmp_path: Path, result: TrainingResult
) -> None:
    shutil.copytree(result.output, tmp_path / "run")
    (tmp_path / "run" / "config.toml").write_text("of another version")
    page = read_page(write_report(tmp_path / "run", result.classifier))
    assert "as by default" not in page.one("section", id="settings").text()


def test_the_policy_allows_the_style_of_the_page_alone(page: Element) -> None:
    (style,) = page.one("style").content
    assert isinstance(style, str)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{digest}'" in policy
    assert not page.all("script")
    assert not [each for each in page.all() if "style" in each.attributes]


def test_other_solvers_have_no_learning_curve_and_are_judged_by_validation(tmp_path: Path) -> None:
    result = make_run(tmp_path, solver="lbfgs", holdout=0.2)
    page = read_page(write_report(result.output, result.classifier))
    assert not page.all("section", id="learning")
    # The settings were chosen by these, so the test says more.
    first, second = (each.text() for each in page.one("section", class_="headlines").all("h2"))
    assert first == f"Accuracy on {result.metrics['test']['n']} test images"
    assert second == f"Accuracy on {result.metrics['validation']['n']} validation images"


def test_a_run_that_tests_nothing_says_so(tmp_path: Path, result: TrainingResult) -> None:
    shutil.copytree(result.output, tmp_path / "run")
    for name in ("predictions.csv", "held_out.csv"):
        (tmp_path / "run" / name).write_text("path,label,prediction,score,label_score\n")
    page = read_page(write_report(tmp_path / "run", result.classifier))
    assert page.one("section", class_="headlines").text() == "Nothing was tested."
    assert [each.attributes.get("id", "") for each in page.all("section")] == [
        "", "images", "unlike", "files", "learning", "settings",
    ]  # fmt: skip


def test_an_evaluation_has_what_an_evaluation_has(tmp_path: Path, result: TrainingResult) -> None:
    """Its images are all for the test, and its figures are those of the test alone."""
    folder = result.output / "evaluation" / "others"
    folder.mkdir(parents=True)
    report = {**result.metrics["leave_one_out"], "groups": 80, "trained_on": 7}
    (folder / "metrics.json").write_text(
        json.dumps({"classes": result.metrics["classes"], "test": report})
    )
    shutil.copy(result.output / "held_out.csv", folder / "predictions.csv")
    with (result.output / "splits.csv").open(newline="") as file:
        rows = [{**row, "split": "test"} for row in csv.DictReader(file)]
    with (folder / "splits.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    page = read_page(write_report(folder, result.classifier, run=result.output, data=""))
    assert [each.attributes.get("id", "") for each in page.all("section")] == [
        "", "images", "confusion", "classes", "misclassified", "calibration", "settings",
    ]  # fmt: skip
    assert page.one("section", id="images").one("h2").text() == "Images"
    assert len(page.all("span", class_="tile none")) == 0
    headline = page.one("section", class_="headlines").text()
    assert f"{report['n']} test images" in headline
    assert "the model was trained on 7 of these: the figures are too good" in headline
    assert f"named by {result.output.name}, trained " in page.one("header", class_="top").text()


def test_a_model_of_another_kind_has_no_sets(tmp_path: Path, result: TrainingResult) -> None:
    shutil.copytree(result.output, tmp_path / "run")
    (tmp_path / "run" / "scores.csv").unlink()
    page = read_page(write_report(tmp_path / "run", result.classifier))
    assert not page.all("section", id="curves")
    text = page.one("section", id="misclassified").text()
    assert "set: " not in text
    assert "A set holds" not in text


def test_images_of_one_class_have_no_curves(tmp_path: Path, result: TrainingResult) -> None:
    images = [each for each in draw_images(tmp_path / "images", count=6) if each[1] == "blue"]
    evaluated = evaluate_classifier(
        result.output, images, name="blue", engine=result.classifier.engine
    )
    page = read_page(write_report(evaluated.output, result.classifier))
    assert not page.all("section", id="curves")
    assert "#curves" not in [each.attributes["href"] for each in page.one("nav").all("a")]


def test_the_images_most_unlike_the_rest_are_those_of_the_table(
    page: Element, result: TrainingResult
) -> None:
    with (result.output / "scores.csv").open(newline="") as file:
        rows = [(float(row["distance"]), row["path"]) for row in csv.DictReader(file)]
    limit = result.metrics["unlike"]["threshold"]
    expected = [f"{path} {far / limit:.2f} times the limit" for far, path in sorted(rows)[:-15:-1]]
    shown = [each.text() for each in page.one("section", id="unlike").all("figcaption")]
    assert shown == expected
    assert sum(far > limit for far, _ in rows) >= 1


def test_what_is_too_much_is_sampled_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: TrainingResult
) -> None:
    monkeypatch.setattr(mistakes, "MOST_SHOWN", 3)
    monkeypatch.setattr(mistakes, "MOST_MAPS", 1)
    monkeypatch.setattr(confusion, "SHOWN_IN_CELL", 2)
    monkeypatch.setattr(findings, "MOST_CLASSES", 2)
    shutil.copytree(result.output, tmp_path / "run")
    page = read_page(write_report(tmp_path / "run", result.classifier))
    section = page.one("section", id="misclassified")
    assert "of which the 3 most confident are shown" in section.text()
    assert (len(section.all("article")), len(section.all("img"))) == (3, 1)
    cell = page.one("section", id="confusion").all("div", class_="cell")[0]
    assert "images; the 2 with the lowest scores" in cell.text()
    assert len(cell.all("figure")) == 2
    assert "The first 2 of 3 classes." in page.one("section", id="images").text()


def test_a_classifier_that_was_loaded_gives_the_same_page(
    tmp_path: Path, result: TrainingResult
) -> None:
    shutil.copytree(result.output, tmp_path / "run")
    pages = []
    loaded = Classifier.load(tmp_path / "run", engine=result.classifier.engine)
    for classifier in (result.classifier, loaded):
        pages.append(write_report(tmp_path / "run", classifier).read_bytes())
    assert pages[0] == pages[1]


def test_a_classifier_of_another_run_is_refused(tmp_path: Path, result: TrainingResult) -> None:
    """The page would show what it thinks of the images beside what another one answered."""
    other = make_run(tmp_path, ("cat", "cow", "dog"))
    for thumbnails in (True, False):
        with pytest.raises(ConfigError, match=r"are not of the classifier that was given"):
            write_report(result.output, other.classifier, thumbnails=thumbnails)
    first, *others = draw_images(tmp_path / "several")
    images = [(first[0], ["green", "red"]), *((path, [label]) for path, label in others)]
    several = train_classifier(images, output=tmp_path / "of_several", engine=MappingEngine())
    assert several.classifier.labels == result.classifier.labels
    for output, classifier in (
        (result.output, several.classifier),
        (several.output, result.classifier),
    ):
        with pytest.raises(ConfigError, match=r"several labels per image"):
            write_report(output, classifier)


def test_a_folder_in_place_of_the_classifier_is_refused(result: TrainingResult) -> None:
    with pytest.raises(ConfigError, match=r"is no Classifier\. Load it first: Classifier\.load"):
        write_report(result.output, str(result.output))  # type: ignore[arg-type]


def test_names_that_are_not_text_are_found_again(tmp_path: Path) -> None:
    result = make_run(tmp_path, ("caf\udce9", "red", "green"), count=20)
    page = read_page(write_report(result.output, result.classifier))
    section = page.one("section", id="misclassified")
    assert "caf\\udce9" in section.text()
    assert len(section.all("img")) == len(section.all("article")) > 0


def test_of_an_image_that_is_another_by_now_there_is_no_map(tmp_path: Path) -> None:
    result = make_run(tmp_path)
    for file in (tmp_path / "images").iterdir():
        file.write_bytes((tmp_path / "images" / "copy.png").read_bytes())
    page = read_page(write_report(result.output, result.classifier))
    section = page.one("section", id="misclassified")
    assert section.all("article")
    assert not section.all("img")
    assert not section.all("div", class_="neighbours")


def test_without_its_run_an_evaluation_shows_no_training_images(tmp_path: Path) -> None:
    """Images of the same names are others there."""
    run = make_run(tmp_path)
    other = tmp_path / "other"
    images = draw_images(other / "images", count=20)
    evaluated = evaluate_classifier(run.output, images, engine=run.classifier.engine)
    for folder, shown in ((run.output, True), (None, False)):
        page = read_page(write_report(evaluated.output, run.classifier, run=folder))
        assert bool(page.all("div", class_="neighbours")) is shown
