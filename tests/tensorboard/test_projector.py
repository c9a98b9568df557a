"""The projector: a point, a line and a thumbnail per image."""

import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA

from tests.fakes import FakeEngine
from tests.training.runs import TrainCommand, table
from torch_inception.config import Layers
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.inputs import fit_inputs
from torch_inception.network import ROW_SIZE
from torch_inception.tensorboard.projector import (
    MOST_POINTS,
    TILE,
    Point,
    principal_components,
    sample_points,
)
from torch_inception.training.train_classifier import train_classifier

pytest.importorskip("tensorboard")

Embedding = Any
"""TensorBoard's `EmbeddingInfo`, which has no types."""


@pytest.fixture
def folder(run: Path) -> Path:
    return run / "tensorboard" / "images"


def lines(folder: Path) -> list[list[str]]:
    """Return the rows of metadata.tsv, header apart, as TensorBoard reads them."""
    header, *rows, end = (folder / "metadata.tsv").read_bytes().decode().split("\n")
    assert header.split("\t") == ["label", "prediction", "part", "path"]
    assert end == ""
    return [row.split("\t") for row in rows]


def config_of(folder: Path) -> Embedding:
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    text = (folder / "projector_config.pbtxt").read_text()
    (embedding,) = text_format.Parse(text, ProjectorConfig()).embeddings
    return embedding


def points(**classes: int) -> list[Point]:
    return [
        Point(f"{label}/{number}.png", label, "", "train", b"")
        for label, count in classes.items()
        for number in range(count)
    ]


def test_every_image_has_a_line_a_point_and_a_thumbnail(
    train: TrainCommand, run: Path, folder: Path
) -> None:
    train("--tensorboard")
    found = lines(folder)
    parts = {row["path"]: (row["label"], row["split"]) for row in table(run / "splits.csv")}
    assert {path: (label, part) for label, _, part, path in found} == parts
    answers = [*table(run / "held_out.csv"), *table(run / "predictions.csv")]
    predicted = {row["path"]: row["prediction"] for row in answers}
    assert {path: prediction for _, prediction, _, path in found} == predicted
    assert len(found) == len(numpy.loadtxt(folder / "tensors.tsv", delimiter="\t")) == 90
    embedding = config_of(folder)
    assert list(embedding.sprite.single_image_dim) == [TILE, TILE]
    for name in (embedding.tensor_path, embedding.metadata_path, embedding.sprite.image_path):
        assert (folder / name).is_file()
    sprite = numpy.asarray(Image.open(folder / "sprite.jpg"))
    columns = math.ceil(math.sqrt(90))
    assert sprite.shape == (columns * TILE, columns * TILE, 3)
    for number, (label, *_) in enumerate(found):
        row, column = divmod(number, columns)
        middle = sprite[row * TILE + TILE // 2, column * TILE + TILE // 2]
        assert ("red", "green", "blue")[numpy.argmax(middle)] == label


@pytest.mark.parametrize("layers", ["last", "all"])
def test_the_points_are_principal_components(layers: Layers) -> None:
    generator = torch.Generator().manual_seed(1)
    weights = torch.linspace(1, 0.01, 20)[:, None] * torch.randn(20, ROW_SIZE, generator=generator)
    rows = RowSelection.of(5 + torch.randn(60, 20, generator=generator) @ weights)
    found, share = principal_components(rows, layers)
    inputs = fit_inputs(layers, rows)(rows.tensor()).double().numpy()
    oracle = PCA(found.shape[1], svd_solver="full").fit(inputs)
    assert share == pytest.approx(oracle.explained_variance_ratio_.sum(), abs=1e-4)
    # Up to its sign, a component is the oracle's: the product of the two is the square of one.
    leading = oracle.transform(inputs)[:, :8]
    product = numpy.abs((found[:, :8].numpy() * leading).sum(axis=0))
    assert product == pytest.approx(numpy.square(leading).sum(axis=0), rel=0.01)


def test_rows_that_are_all_alike_lie_in_one_place() -> None:
    found, share = principal_components(RowSelection.of(torch.ones(3, ROW_SIZE)), "last")
    assert found.shape == (3, 3)
    assert share == 1
    assert found.abs().max() < 1e-3


def test_a_sample_has_of_each_class_as_many_while_it_has_them() -> None:
    everything = points(rare=3, common=100, frequent=50)
    chosen = sample_points(everything, seed=0, most=43)
    assert Counter(everything[place].label for place in chosen) == {
        "rare": 3, "common": 20, "frequent": 20
    }  # fmt: skip
    assert chosen == sorted(set(chosen))
    assert chosen == sample_points(everything, seed=0, most=43)
    assert chosen != sample_points(everything, seed=1, most=43)
    assert sample_points(everything, seed=0) == list(range(153))
    many = points(a=MOST_POINTS, b=1)
    assert len(sample_points(many, seed=0)) == MOST_POINTS


def test_names_that_people_made_up_stay_one_line_each(
    colours: Path, run: Path, folder: Path
) -> None:
    label = "two\twords\nand\r<script>alert(1)</script>\x1b[2J\u2028\u202e"
    (colours / "red").rename(colours / label.replace("/", "\u2215"))
    file = next(iter((colours / "blue").iterdir()))
    file.rename(file.with_name("a\tb\nc.png"))
    train_classifier(colours, output=run, engine=FakeEngine(), tensorboard=True)
    found = lines(folder)
    assert len(found) == 90
    assert {len(row) for row in found} == {4}
    assert all(cell.isprintable() for row in found for cell in row)
    assert sum(row[3] == "blue/a\\tb\\nc.png" for row in found) == 1
    assert {row[0] for row in found if row[0] not in ("green", "blue")} == {
        "two\\twords\\nand\\r<script>alert(1)<\u2215script>\\x1b[2J\\u2028\\u202e"
    }


def test_without_thumbnails_the_points_are_plain(
    train: TrainCommand, folder: Path, own_cache: Path
) -> None:
    train("--tensorboard")
    shutil.rmtree(own_cache / "thumbnails")
    assert train("--tensorboard")[0] == 0
    assert config_of(folder).sprite.image_path == ""
    assert Image.open(folder / "sprite.jpg").getextrema() == ((255, 255),) * 3
    assert len(lines(folder)) == 90
