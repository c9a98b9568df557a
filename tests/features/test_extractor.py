"""The extractor: rows of any mixture, bad images, and a step of scikit-learn's pipelines."""

import logging
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image, ImageSequence
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from tests.fakes import FakeEngine
from torch_inception.config import BadImages
from torch_inception.engines.protocol import Rows
from torch_inception.errors import ConfigError, ImageError, WeightsError
from torch_inception.features.extractor import FeatureExtractor
from torch_inception.images.preprocess import Pixels

RED, GREEN, BLUE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def image(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (8, 6), colour)


def logistic_regression() -> LogisticRegression:
    # With the default solver, old versions of scikit-learn have new ones of SciPy warn.
    return LogisticRegression(C=100, solver="newton-cg")


@pytest.fixture
def items(tmp_path: Path) -> list[Any]:
    """Make good images in places 0, 2, 4 and bad ones in 1, 3, 5."""
    path, text = tmp_path / "red.png", tmp_path / "text.png"
    image(RED).save(path)
    text.write_text("a circle")
    return [path, text, image(GREEN), b"a circle", numpy.array(image(BLUE)), "gone.png"]


def test_a_bad_image_raises_an_error_that_names_it(items: list[Any]) -> None:
    extractor = FeatureExtractor(engine=FakeEngine())
    with pytest.raises(ImageError, match=r"text\.png: not an image but text"):
        extractor([items[0], items[1], items[2]])
    with pytest.raises(ImageError, match="^image 3: not an image but text"):
        extractor([items[0], items[2], items[2], items[3]])


@pytest.mark.parametrize(("errors", "places"), [("skip", [0, 1, 2]), ("nan", [0, 2, 4])])
def test_bad_images_are_left_out_or_have_no_numbers_and_each_is_told_of_once(
    errors: BadImages, places: list[int], items: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    rows = FeatureExtractor(engine=FakeEngine(), errors=errors)(items)
    assert rows.shape[0] == (3 if errors == "skip" else 6)
    assert rows[places, :3].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    bad = sorted({*range(len(rows))} - {*places})
    assert numpy.isnan(rows[bad]).all()
    assert not numpy.isnan(rows[places]).any()
    told = [record.getMessage() for record in caplog.records]
    names = [f"{items[1]}: not an image but text", "image 3: not an image but text",
             "gone.png: no such file"]  # fmt: skip
    assert sorted(told) == sorted(
        f"{'skipped' if errors == 'skip' else 'a row of NaN'}: {name}" for name in names
    )
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_there_is_no_other_way_with_errors() -> None:
    with pytest.raises(ConfigError, match="errors = 'ignore' is not one of raise, skip, nan"):
        FeatureExtractor(engine=FakeEngine(), errors="ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["a.png", b"a", 5, None, {"a": 1}, image(RED), numpy.zeros(3)])
def test_what_is_no_list_of_images_is_named_as_it_was_given(given: Any) -> None:  # noqa: ANN401
    with pytest.raises(TypeError, match=f"give a list of images, not {type(given).__name__}"):
        FeatureExtractor(engine=FakeEngine())(given)


class Frame(dict[str, list[Any]]):
    """A data frame as far as it is looked at: columns with names."""

    @property
    def columns(self) -> list[str]:
        return list(self)


@pytest.mark.parametrize(
    "frame", [Frame(label=[1, 2], path=["red", "blue"]), Frame(where=["red", "blue"])]
)
def test_a_data_frame_stands_for_its_column_of_paths(frame: Frame, tmp_path: Path) -> None:
    for name, colour in (("red", RED), ("blue", BLUE)):
        image(colour).save(tmp_path / f"{name}.png")
    places = {name: tmp_path / f"{name}.png" for name in ("red", "blue")}
    given = Frame({name: [places.get(v, v) for v in values] for name, values in frame.items()})
    rows = FeatureExtractor(engine=FakeEngine())(given)
    assert rows[:, :3].tolist() == [[1, 0, 0], [0, 0, 1]]


def test_a_data_frame_without_a_column_of_paths_is_told() -> None:
    with pytest.raises(TypeError, match="no column called path, file_name, .*give the column of"):
        FeatureExtractor(engine=FakeEngine())(Frame(a=["x.png"], b=["y.png"]))


def test_a_data_frame_of_pandas_and_its_column_are_lists_of_images(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    image(GREEN).save(tmp_path / "green.png")
    frame = pandas.DataFrame({"path": [str(tmp_path / "green.png")], "label": ["x"]})
    extractor = FeatureExtractor(engine=FakeEngine())
    for given in (frame, frame["path"], frame[["path"]]):
        assert extractor(given)[:, :3].tolist() == [[0, 1, 0]]


def test_frames_that_are_one_image_have_their_own_rows(tmp_path: Path) -> None:
    frames = [image(colour).convert("P") for colour in (RED, GREEN, BLUE)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "film.gif") as film:
        rows = FeatureExtractor(engine=FakeEngine())(ImageSequence.Iterator(film))
    assert rows[:, :3].argmax(axis=1).tolist() == [0, 1, 2]


def test_pipelines_fit_predict_and_are_cross_validated(colours: Path) -> None:
    paths = sorted(colours.rglob("*.png"))
    labels = [path.parent.name for path in paths]
    pipeline = make_pipeline(FeatureExtractor(engine=FakeEngine()), logistic_regression())
    assert pipeline.fit(paths, labels).predict(paths).tolist() == labels
    for given in (paths, numpy.array(list(map(str, paths)))):
        scores = cross_val_score(pipeline, given, labels, cv=3, error_score="raise")
        assert scores.tolist() == [1, 1, 1]
    copy = pickle.loads(pickle.dumps(pipeline))
    assert copy.predict(paths[::9]).tolist() == labels[::9]


def test_parameters_of_a_step_are_searched(colours: Path) -> None:
    paths = sorted(colours.rglob("*.png"))[::3]
    pipeline = make_pipeline(FeatureExtractor(engine=FakeEngine()), logistic_regression())
    choices = {"featureextractor__resize": ["squash", "pad"]}
    search = GridSearchCV(pipeline, choices, cv=2, error_score="raise")
    search.fit(paths, [path.parent.name for path in paths])
    assert search.best_estimator_[0].preprocessing.resize in ("squash", "pad")
    assert len(search.cv_results_["params"]) == 2


def test_it_transforms_as_it_is_called_and_needs_no_fit() -> None:
    extractor = FeatureExtractor(engine=FakeEngine())
    check_is_fitted(extractor)
    images = [image(RED), image(BLUE)]
    rows = extractor(images)
    assert rows[:, :3].tolist() == [[1, 0, 0], [0, 0, 1]]
    assert extractor.fit(images) is extractor
    assert numpy.array_equal(extractor.transform(images), rows)
    assert numpy.array_equal(extractor.fit_transform(images, ["red", "blue"]), rows)


def test_a_clone_has_the_same_parameters_and_shares_the_network(plain_weights: Path) -> None:
    extractor = FeatureExtractor(plain_weights, resize="pad", errors="nan")
    wanted = {
        "weights": plain_weights, "pooling": "auto", "resize": "pad", "exact_decode": False,
        "intensity": "image", "page": "", "channels": "", "device": "auto",
        "engine": None, "errors": "nan", "layers": "last",
    }  # fmt: skip
    copy = clone(extractor)
    assert copy is not extractor
    assert copy.get_params() == extractor.get_params() == wanted
    assert copy.engine is extractor.engine
    copy.set_params(resize="crop", errors="skip")
    assert copy.engine is extractor.engine
    assert (copy.preprocessing.resize, extractor.preprocessing.resize) == ("crop", "pad")
    assert extractor.get_params() == wanted
    assert FeatureExtractor(**copy.get_params()).preprocessing == copy.preprocessing


def test_parameters_that_are_set_take_effect_and_wrong_ones_change_nothing(
    plain_weights: Path, random_weights: Path, tmp_path: Path
) -> None:
    extractor = FeatureExtractor(engine=FakeEngine())
    assert extractor.set_params(weights=plain_weights, engine=None) is extractor
    plain = extractor.engine.record
    assert extractor.transform([image(GREEN)])[0, :3] == pytest.approx([0, 1, 0], abs=1e-3)
    extractor.set_params(weights=random_weights)
    found = extractor.engine.record
    assert found.fingerprint != plain.fingerprint
    for changes, error in (
        ({"weights": tmp_path / "gone.pth"}, WeightsError),
        ({"weights": "resnet"}, ConfigError),
        ({"resize": "stretch"}, ConfigError),
        ({"size": 299}, ConfigError),
    ):
        with pytest.raises(error):
            extractor.set_params(errors="nan", **changes)
    assert extractor.engine.record == found
    assert extractor.get_params()["weights"] == random_weights
    assert extractor.get_params()["errors"] == "raise"


class LayersEngine(FakeEngine):
    """An engine whose rows are 0, 1, 2, ..., 4095 for every image."""

    def rows(self, images: Sequence[Pixels]) -> Rows:
        return numpy.tile(numpy.arange(4096, dtype=numpy.float32), (len(images), 1))


@pytest.mark.parametrize(
    ("layers", "numbers"),
    [
        ("last", [*range(2048, 4096)]),
        ("all", [*range(4096)]),
        (["Mixed_7a"], [*range(768, 2048)]),
        (("Mixed_7c", "Mixed_6e"), [*range(2048, 4096), *range(768)]),
    ],
)
def test_rows_have_the_layers_that_are_asked_for_in_that_order(
    layers: Any,  # noqa: ANN401
    numbers: list[int],
    tmp_path: Path,
) -> None:
    image(RED).save(tmp_path / "red.png")
    extractor = FeatureExtractor(engine=LayersEngine(), layers=layers, errors="nan")
    rows = extractor([image(BLUE), tmp_path / "red.png", "gone.png"])
    assert rows.dtype == numpy.float32
    assert rows[0].tolist() == numbers
    # The cache keeps float16, which has steps of 2 between 2048 and 4096.
    assert numpy.abs(rows[1] - numbers).max() <= 1
    assert numpy.isnan(rows[2]).all()
    assert clone(extractor).get_params()["layers"] == layers
    assert FeatureExtractor(engine=LayersEngine(), layers=layers)([]).shape == (0, len(numbers))


@pytest.mark.parametrize("layers", ["Mixed_7b", "Mixed_7c", ["Mixed_7c", "Mixed_7b"], [], None])
def test_layers_that_no_row_has_are_refused_with_those_that_there_are(
    layers: Any,  # noqa: ANN401
) -> None:
    match = r"layers = .* 'last', 'all' or a list of Mixed_6e, Mixed_7a, Mixed_7c\."
    with pytest.raises(ConfigError, match=match):
        FeatureExtractor(engine=FakeEngine(), layers=layers)
    extractor = FeatureExtractor(engine=FakeEngine())
    with pytest.raises(ConfigError, match=match):
        extractor.set_params(layers=layers)
    assert extractor([image(RED)]).shape == (1, 2048)
