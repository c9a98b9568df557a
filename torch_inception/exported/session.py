"""ONNX Runtime with an exported file: what the network sees of an image in, answers out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from torch_inception.errors import InstallationError, ModelError
from torch_inception.exported.description import (
    DISTANCE,
    INPUT,
    MAP,
    PROBABILITIES,
    Description,
    read_description,
)
from torch_inception.exported.onnx_file import read_onnx
from torch_inception.images.preprocess import (
    CROP_RESIZE,
    IMAGE_SIZE,
    Pixels,
    Preprocessing,
    crop_corner,
)
from torch_inception.system.cores import usable_cores
from torch_inception.system.escape import brief

_FATAL = 4
"""Level of what ONNX Runtime itself writes to standard error; what it raises is told here."""


class Session:
    """An exported file, ready to run; any number of threads may run it at once.

    Args:
        path: of the file.
        for_one: whether it is to answer to one image, as soon as it can: it is made ready in less
            time, and computes an image on all cores. Otherwise it takes longer to begin, then less
            time for each image, on the core of the thread that asks.

    Raises:
        InstallationError: ONNX Runtime is not installed.
        ModelError: it is not there, damaged, or not a file that `export` wrote.
    """

    def __init__(self, path: Path, *, for_one: bool = False) -> None:
        self._path = path
        self.description, graph = read_exported(path)
        self._session = _open(path, graph, for_one=for_one)
        has_distance = self.description.left_out is not None
        self._names = [PROBABILITIES, *([DISTANCE] if has_distance else [])]
        _check_outputs(self._session, [*self._names, MAP], self.description, path)
        if not for_one:  # a server is to be told of damage at once; a first image takes longest
            self(numpy.zeros((IMAGE_SIZE, IMAGE_SIZE, 3), numpy.uint8))

    def __call__(self, pixels: Pixels) -> tuple[NDArray[numpy.float64], float | None]:
        """Return probabilities (C,) and distance, None where it is not known.

        Args:
            pixels: what the network sees, (299, 299, 3) uint8.

        Raises:
            ModelError: the file is damaged.
        """
        found = self._run(self._names, pixels)
        distance = float(found[1]) if len(found) > 1 else None
        return found[0].astype(numpy.float64), distance

    def with_map(self, pixels: Pixels) -> tuple[NDArray[numpy.float64], NDArray[numpy.float32]]:
        """Return probabilities (C,), and what speaks for the best class, (299, 299) float32."""
        probabilities, seen = self._run([PROBABILITIES, MAP], pixels)
        return probabilities.astype(numpy.float64), seen

    def _run(self, names: Sequence[str], pixels: Pixels) -> list[NDArray[numpy.float32]]:
        preprocessing = self.description.preprocessing
        image = graph_input(placed(pixels, preprocessing), preprocessing)
        found = [each[0] for each in self._session.run(names, {INPUT: image[None]})]
        if not all(numpy.isfinite(each).all() for each in found):
            raise ModelError(
                f"{self._path} is damaged (it answers what is no number). Export again."
            )
        return found


def placed(pixels: Pixels, preprocessing: Preprocessing) -> Pixels:
    """Return an image (H, W, 3) uint8 of which the graph's own resize leaves these pixels."""
    if preprocessing.resize != "crop":
        return pixels  # 299 x 299 stay as they are
    whole = numpy.zeros((CROP_RESIZE, CROP_RESIZE, 3), numpy.uint8)
    left, top = crop_corner((CROP_RESIZE, CROP_RESIZE))
    whole[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE] = pixels
    return whole


def graph_input(pixels: Pixels, preprocessing: Preprocessing) -> NDArray[Any]:
    """Return an image (H, W, 3) as the graph takes it.

    Args:
        pixels: uint8.
        preprocessing: where it has a range for images of more than 8 bits, values that it scales
            to these pixels are returned, in float32.
    """
    if preprocessing.value_range is None:
        return pixels
    low, high = preprocessing.value_range
    return (low + pixels.astype(numpy.float64) / 255 * (high - low)).astype(numpy.float32)


def read_exported(path: Path) -> tuple[Description, bytes]:
    """Return what an exported file says of itself, and its graph, as in `OnnxFile`.

    Raises:
        ModelError: it is not there, damaged, or not a file that `export` wrote.
    """
    if path.is_dir():
        raise ModelError(
            f"{path} is a folder. Name its model.onnx, which torch-inception export writes; a run "
            "folder itself is for Classifier.load."
        )
    if not path.is_file():
        raise ModelError(f"there is no model {path}. Write one: torch-inception export RUN.")
    try:
        str(path).encode()
        about, graph = read_onnx(path)
    except UnicodeEncodeError as error:
        raise ModelError(
            f"ONNX Runtime cannot open {brief(path)}: its path is not text. Rename it."
        ) from error
    except ValueError as error:
        raise ModelError(
            f"{path} is no ONNX file, or damaged ({brief(error)}). Export again."
        ) from error
    return read_description(about, path), graph


def _open(path: Path, graph: bytes, *, for_one: bool) -> Any:  # noqa: ANN401 - of ONNX Runtime
    try:
        import onnxruntime
    except ImportError as error:
        raise InstallationError(
            f"the package onnxruntime, which runs {path}, is not there ({error}). Install it: "
            "pip install onnxruntime."
        ) from error
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = usable_cores() if for_one else 1
    options.graph_optimization_level = (
        levels.ORT_ENABLE_EXTENDED if for_one else levels.ORT_ENABLE_ALL
    )
    # A thread that waits for another in a loop takes the core that the other needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(path.absolute().parent)
    )
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has classes of errors, and no base of them
        raise ModelError(
            f"{path} is damaged, or for a later ONNX Runtime than {onnxruntime.__version__} "
            f"({brief(error)}). Export again, or: pip install --upgrade onnxruntime."
        ) from error


def _check_outputs(
    session: Any,  # noqa: ANN401 - of ONNX Runtime
    names: Sequence[str],
    description: Description,
    path: Path,
) -> None:
    """Raise an error where the graph does not give what the file says of itself."""
    inputs = [each.name for each in session.get_inputs()]
    shapes = {each.name: each.shape for each in session.get_outputs()}
    is_fit = inputs == [INPUT] and all(name in shapes for name in names)
    if not is_fit or shapes[PROBABILITIES][1:] != [len(description.labels)]:
        raise ModelError(f"{path} is damaged (its graph does not give what it says). Export again.")
