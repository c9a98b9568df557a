"""The reader of Keras' files, on files of the right structure that Keras did not write."""

import io
import json
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy
import pytest

from tests.weights.keras_models import (
    Layer,
    check_state,
    configuration,
    filled,
    inception,
    numbered,
)
from torch_inception.errors import WeightsError
from torch_inception.weights.load import is_source_of_record, load_weights

KERNEL = "layers/conv2d_1/vars/0"
MEAN = "layers/batch_normalization_1/vars/1"


def keep(group: Any, name: str, array: Any) -> None:  # noqa: ANN401 - h5py has no types
    """Write a tensor of one value so that the file stays small: in chunks, or unwritten."""
    if array.ndim > 1:
        group.create_dataset(name, shape=array.shape, dtype="f4", fillvalue=array.flat[0])
    else:
        group.create_dataset(name, data=array, chunks=array.shape, shuffle=True)


def write_weights(file: Any, layers: list[Layer]) -> None:  # noqa: ANN401
    """Write a `.weights.h5` as Keras 3 does."""
    with h5py.File(file, "w") as root:
        root.create_group("layers/max_pooling2d/vars")
        for group, layer in numbered(layers):
            for place, array in enumerate(layer.tensors.values()):
                keep(root, f"layers/{group}/vars/{place}", array)


def write_archive(path: Path, layers: list[Layer], **options: Any) -> None:  # noqa: ANN401
    """Write a `.keras` file; the options are those of `configuration`."""
    weights = io.BytesIO()
    write_weights(weights, layers)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(configuration(layers, **options)))
        archive.writestr("model.weights.h5", weights.getvalue())


def write_legacy(path: Path, layers: list[Layer], *, whole: bool, parts: int = 1) -> None:
    """Write a legacy `.h5`, of weights or of a whole model, the list of names cut in parts."""
    with h5py.File(path, "w") as root:
        if whole:
            root.attrs["model_config"] = json.dumps(configuration(layers))
        group = root.create_group("model_weights") if whole else root
        names = [b"input_1", *(layer.name.encode() for layer in layers)]
        group.create_group("input_1").attrs["weight_names"] = []
        for number, some in enumerate(numpy.array_split(names, parts)):
            group.attrs["layer_names" if parts == 1 else f"layer_names{number}"] = some
        for layer in layers:
            # TensorFlow can give the variable another name than the layer.
            paths = {part: f"{layer.name}_7/{part}:0" for part in layer.tensors}
            for part, array in layer.tensors.items():
                keep(group, f"{layer.name}/{paths[part]}", array)
            group[layer.name].attrs["weight_names"] = [path.encode() for path in paths.values()]


WRITERS: dict[str, Callable[[Path, list[Layer]], None]] = {
    "a.weights.h5": write_weights,
    "a.keras": write_archive,
    "a.h5": lambda path, layers: write_legacy(path, layers, whole=True),
    "weights.h5": lambda path, layers: write_legacy(path, layers, whole=False),
    "parts.h5": lambda path, layers: write_legacy(path, layers, whole=False, parts=3),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_read_in_the_order_of_its_layers(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, inception(first=95, top=7))
    weights = load_weights(str(tmp_path / name))
    check_state(weights.tensors)
    assert weights.classifier is None
    assert weights.record.pooling == "tensorflow"
    assert weights.record.mean == weights.record.std == (0.5, 0.5, 0.5)
    assert weights.record.source == str(tmp_path / name)
    assert is_source_of_record(weights.record.source)


@pytest.mark.parametrize("name", ["a.keras", "a.h5"])
def test_imagenets_top_and_a_scale_are_kept(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, inception(gamma=True, top=1000))
    weights = load_weights(str(tmp_path / name), need_classifier=True)
    check_state(weights.tensors, gamma=True)
    assert weights.classifier is not None
    weight, bias = weights.classifier
    assert weight.shape == (1000, 2048)
    assert (weight == 3).all()
    assert (bias == 4).all()


def with_head(top: int) -> list[Layer]:
    """Make a network with a batch normalisation before its fully connected layer."""
    *network, dense = inception(top=top)
    tensors = {part: filled((2048,), 9) for part in ("beta", "moving_mean", "moving_variance")}
    return [*network, Layer("BatchNormalization", "batch_normalization_94", tensors), dense]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("top", [7, 1000])
def test_a_head_with_a_normalisation_is_left_out(name: str, top: int, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, with_head(top))
    weights = load_weights(str(tmp_path / name))
    check_state(weights.tensors)
    # What the head makes of features is more than its last layer.
    assert weights.classifier is None


@pytest.mark.parametrize("name", WRITERS)
def test_a_normalisation_too_many_without_a_head_is_refused(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, with_head(7)[:-1])
    reason = "'batch_normalization_94(_7)?/beta', and Inception-v3 does not"
    assert re.search(reason, refused(tmp_path / name))


@pytest.mark.parametrize(
    ("before", "mean", "std"),
    [
        ({"RandomFlip": {}, "Resizing": {}}, 0.5, 0.5),
        ({"Rescaling": {"scale": 1 / 255, "offset": 0.0}}, 0.0, 1.0),
        ({"Rescaling": {"scale": 1 / 127.5, "offset": -1}}, 0.5, 0.5),
        ({"RandomZoom": {}, "Rescaling": {"scale": 1 / 51, "offset": -2.5}}, 0.5, 0.2),
    ],
)
def test_the_layers_before_it_say_what_it_wants(
    before: dict[str, Any], mean: float, std: float, layers: list[Layer], tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    write_archive(tmp_path / "a.keras", layers, before=before)
    record = load_weights(str(tmp_path / "a.keras")).record
    assert (record.mean, record.std) == ((mean,) * 3, (std,) * 3)
    assert not [each for each in caplog.records if each.levelname == "WARNING"]


def test_a_layer_before_it_that_is_not_known_is_reported(
    layers: list[Layer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_archive(tmp_path / "a.keras", layers, before={"Lambda": {}})
    assert load_weights(str(tmp_path / "a.keras")).record.std == (0.5, 0.5, 0.5)
    assert "what the Keras layer 'lambda' does to pixels is not known" in caplog.text


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ({"Normalization": {}}, "'normalization' normalises pixels with numbers of its own"),
        ({"Rescaling": {"scale": -1.0}}, "multiplies pixels with -1.0; above 0"),
        ({"Rescaling": {"scale": [1, 2, 3]}}, r"with the scale \[1, 2, 3\]"),
        ({"Rescaling": {"scale": 1.0, "offset": float("nan")}}, "with the offset nan"),
    ],
)
def test_pixels_that_are_scaled_in_another_way_are_refused(
    before: dict[str, Any], reason: str, layers: list[Layer], tmp_path: Path
) -> None:
    write_archive(tmp_path / "a.keras", layers, before=before)
    assert re.search(reason, refused(tmp_path / "a.keras"))


@pytest.fixture(scope="module")
def layers() -> list[Layer]:
    return inception()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, layers: list[Layer]) -> bytes:
    """Give the bytes of a `.weights.h5`."""
    path = tmp_path_factory.mktemp("whole") / "a.weights.h5"
    write_weights(path, layers)
    return path.read_bytes()


def refused(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_weights(str(path))
    text = str(caught.value)
    assert str(path) in text
    assert all(c.isprintable() or c == "\n" for c in text)
    return text


def replace(root: Any, name: str, **how: Any) -> None:  # noqa: ANN401
    del root[name]
    root.create_dataset(name, **how)


def link_out(root: Any, folder: Path) -> None:  # noqa: ANN401
    with h5py.File(folder / "other.h5", "w") as other:
        other["kernel"] = numpy.zeros((3, 3, 32, 32), "f4")
    del root[KERNEL]
    root[KERNEL] = h5py.ExternalLink(str(folder / "other.h5"), "kernel")


def link_within(root: Any, folder: Path) -> None:  # noqa: ANN401
    root["moved"] = root[KERNEL]
    del root[KERNEL]
    root[KERNEL] = h5py.SoftLink("/moved")


def keep_outside(root: Any, folder: Path) -> None:  # noqa: ANN401
    (folder / "raw").write_bytes(bytes(4 * 9 * 32 * 32))
    replace(
        root,
        KERNEL,
        shape=(3, 3, 32, 32),
        dtype="f4",
        external=[(str(folder / "raw"), 0, h5py.h5f.UNLIMITED)],
    )


def make_virtual(root: Any, folder: Path) -> None:  # noqa: ANN401
    layout = h5py.VirtualLayout(shape=(3, 3, 32, 32), dtype="f4")
    layout[...] = h5py.VirtualSource(str(folder / "other.h5"), "kernel", shape=(3, 3, 32, 32))
    del root[KERNEL]
    root.create_virtual_dataset(KERNEL, layout)


def not_finite(root: Any, folder: Path) -> None:  # noqa: ANN401
    values = numpy.zeros((3, 3, 32, 32), "f4")
    values[2, 2, 31, 31] = numpy.nan
    replace(root, KERNEL, data=values)


def huge(root: Any, folder: Path) -> None:  # noqa: ANN401
    replace(root, KERNEL, shape=(2**30, 2**30), dtype="f4", chunks=(1024, 1024))


CHANGES: dict[str, tuple[Callable[[Any, Path], Any], str]] = {
    "a link to another file": (link_out, "a link to elsewhere"),
    "a link within": (link_within, "a link to elsewhere"),
    "kept in another file": (keep_outside, "kept in another file"),
    "a virtual data set": (make_virtual, "kept in another file"),
    "not finite": (not_finite, "'conv2d_1/kernel' holds values that are not finite"),
    "a huge shape": (huge, "'conv2d_2/kernel' has the shape"),
    "huge, of four sides": (
        lambda root, _: replace(root, KERNEL, shape=(2**20,) * 4, dtype="f4", chunks=(8,) * 4),
        "'conv2d_1/kernel' has the shape (1048576, ",
    ),
    "whole numbers": (
        lambda root, _: replace(root, KERNEL, shape=(3, 3, 32, 32), dtype="i4"), "is of int32"
    ),
    "texts": (
        lambda root, _: replace(root, KERNEL, shape=(3, 3, 32, 32), dtype=h5py.string_dtype()),
        "is of object",
    ),
    "nothing": (
        lambda root, _: replace(root, KERNEL, data=h5py.Empty("f4")),
        "'conv2d_1/kernel' has the shape None",
    ),
    "variances below 0": (
        lambda root, _: replace(
            root, "layers/batch_normalization_1/vars/2", data=numpy.full(32, -1, "f4")
        ),
        "variances below 0",
    ),
    "another shape": (
        lambda root, _: replace(root, MEAN, shape=(33,), dtype="f4"),
        "'batch_normalization_1/moving_mean' has the shape (33,); Inception-v3 wants (32,)",
    ),
    "a tensor too few": (lambda root, _: root.pop(MEAN), "'batch_normalization_1' has the tensors"),
    "a tensor too many": (
        lambda root, _: root.create_dataset("layers/conv2d_1/vars/1", shape=(32,), dtype="f4"),
        "'conv2d_1/bias', and Inception-v3 does not",
    ),
    "tensors of other names": (
        lambda root, _: root.move(KERNEL, "layers/conv2d_1/vars/kernel"), "numbered from 0"
    ),
    "a layer too few": (
        lambda root, _: root.pop("layers/conv2d_93"),
        "93 layers of the kind of 'Mixed_7c.branch_pool.conv'",
    ),
    "the first layer missing": (
        lambda root, _: root.pop("layers/conv2d_1"), "'conv2d_2/kernel' has the shape"
    ),
    "a layer too many": (
        lambda root, _: root.copy("layers/conv2d_1", "layers/conv2d_200"),
        "'conv2d_200/kernel', and Inception-v3 does not",
    ),
    "layers swapped": (
        lambda root, _: (
            root.move("layers/conv2d_2", "layers/x"),
            root.move("layers/conv2d_1", "layers/conv2d_2"),
            root.move("layers/x", "layers/conv2d_1"),
        ),
        "'conv2d_1/kernel' has the shape (3, 3, 32, 64); Inception-v3 wants (3, 3, 32, 32)",
    ),
    "a tensor for a group": (
        lambda root, _: (root.pop("layers/conv2d_1"), root.create_dataset("layers/conv2d_1/vars",
shape=(1,), dtype="f4")),
        "is not a group",
    ),
    "a group for a tensor": (
        lambda root, _: (root.pop(KERNEL), root.create_group(KERNEL)), "is not a data set"
    ),
    "a group within itself": (
        lambda root, _: root["layers/max_pooling2d"].__setitem__("x", root["layers"]), "recursion"
    ),
    "names that are numbers": (
        lambda root, _: root.attrs.__setitem__("layer_names", [1, 2]), "not a list of names"
    ),
    "names of nothing": (
        lambda root, _: root.attrs.__setitem__("layer_names", ["a\x1b[2J"]), "there is no 'a\\\\x1b"
    ),
    "no JSON": (lambda root, _: root.attrs.__setitem__("model_config", "{"), "is not JSON"),
    "another configuration": (
        lambda root, _: root.attrs.__setitem__("model_config", "[1]"), "not understood"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_a_file_that_is_another_is_refused(kind: str, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(whole)
    change, reason = CHANGES[kind]
    with h5py.File(path, "r+") as root:
        change(root, tmp_path)
    assert reason in refused(path)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(part: float, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(whole[: int(part * len(whole))])
    assert "cut short" in refused(path)


@pytest.mark.parametrize("name", ["a.weights.h5", "a.h5"])
def test_bytes_changed_anywhere_give_no_other_error(
    name: str, layers: list[Layer], tmp_path: Path, long: bool
) -> None:
    path = tmp_path / name
    WRITERS[name](path, layers[:4])
    content = path.read_bytes()
    chance = numpy.random.default_rng(7)
    for _ in range(500 if long else 30):
        changed = bytearray(content)
        for place in chance.integers(0, len(content), 3):
            changed[place] = chance.integers(256)
        path.write_bytes(changed)
        # It is not a whole network, so it is refused in any case.
        with pytest.raises(WeightsError):
            load_weights(path)


def test_an_archive_is_not_unpacked_to_disk(layers: list[Layer], tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.keras"
    path.parent.mkdir()
    write_archive(path, layers)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../outside", "x")
    check_state(load_weights(path).tensors)
    assert list(tmp_path.iterdir()) == [path.parent]
    assert list(path.parent.iterdir()) == [path]


def test_what_keras_does_not_compress_may_be_compressed(
    layers: list[Layer], tmp_path: Path
) -> None:
    path = tmp_path / "a.weights.h5"
    write_weights(path, layers)
    with h5py.File(path, "r+") as root:
        kernel = root[KERNEL][...]
        replace(root, KERNEL, data=kernel, compression="gzip")
    check_state(load_weights(path).tensors)


def test_an_archive_that_is_not_one_of_keras_is_refused(
    layers: list[Layer], tmp_path: Path
) -> None:
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(configuration(layers)))
    assert "has no model.weights.h5" in refused(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model.weights.h5", "no HDF5")
    assert "not a whole HDF5 file" in refused(path)
    path.write_bytes(path.read_bytes()[:-30])
    assert "not a whole .keras file" in refused(path)
    write_archive(path, layers, epsilon=1e-5)
    assert "adds 1e-05 to its variances" in refused(path)


def test_a_missing_file_and_a_missing_package_are_reported(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no file" in refused(tmp_path / "none.keras")
    (tmp_path / "a.h5").write_bytes(whole)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert "need h5py: pip install 'torch-inception[keras]'" in refused(tmp_path / "a.h5")
