"""A trained classifier: preprocessing, engine, head and labels in one."""

import dataclasses
import importlib.resources
import logging
import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from torch_inception.classifier.explanation import Explanation, logit_maps
from torch_inception.classifier.model_file import Model, load_model, save_model
from torch_inception.classifier.model_weights import (
    bundled,
    check_record,
    load_model_engine,
    own_weights,
)
from torch_inception.classifier.row_classifier import RowClassifier
from torch_inception.classifier.training_images import Neighbour
from torch_inception.config import (
    DEFAULT_WEIGHTS,
    Bundle,
    Device,
    PoolingChoice,
    Resize,
    check_choice,
    expand_home,
)
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.engines.protocol import Engine, GivesMaps
from torch_inception.errors import ConfigError, ImageError
from torch_inception.features.image_rows import FeatureRow, stream_rows
from torch_inception.heads.head import Head
from torch_inception.images.facts_tally import FactsTally
from torch_inception.images.image_input import ImageInput
from torch_inception.images.placement import placement
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.see import SeenImage, see_named
from torch_inception.network import spatial_means
from torch_inception.system.threads import one_thread
from torch_inception.system.torch_modes import default_modes
from torch_inception.weights.formats.tensorflow_graph import inception as tensorflow_graph
from torch_inception.weights.load import load_weights

log = logging.getLogger(__name__)

OTHER_POOLING = (
    "WARNING: %s was trained with %s pooling. With %s, features and scores are not those that its "
    "head was fitted and calibrated on."
)


class Classifier(RowClassifier):
    """Names images.

    Args:
        model: labels, head and preprocessing.
        engine: the frozen network, with the weights that the model names.
        path: of the model, where it was loaded from a file.
    """

    def __init__(self, model: Model, engine: Engine, *, path: str | Path = "") -> None:
        super().__init__(model, path=path)
        self.engine = engine

    @classmethod
    @default_modes()
    def load(
        cls,
        path: str | Path,
        *,
        weights: str | Path = "",
        pooling: PoolingChoice = "auto",
        device: Device = "auto",
        engine: Engine | None = None,
    ) -> "Classifier":
        """Load what training saved.

        Args:
            path: a run folder, or a `model.pt`.
            weights: sources of the network's weights; those that the model names by default.
            pooling: of the network; "auto" is what the model was trained with.
            device: where the network runs.
            engine: what runs the network, where the caller has one already; `weights` and `device`
                are then of no use.

        Raises:
            ConfigError: the device or the pooling is unknown.
            ModelError: there is no model, it is damaged, or the weights are not those that it
                was trained with.
            WeightsError: the weights cannot be had.
        """
        check_choice("pooling", pooling, PoolingChoice)
        trained = load_model(Path(expand_home("model", os.fspath(path))))
        model = dataclasses.replace(trained, record=trained.record.pooling_as(pooling))
        if model.record != trained.record:
            log.warning(OTHER_POOLING, path, trained.record.pooling, pooling)
            # An 8-bit network is of one pooling.
            model = dataclasses.replace(model, arithmetic="fp32")
        if engine is None:
            engine = load_model_engine(model, path, weights, choose_device(device))
        check_record(engine.record, model.record, path)
        return cls(model, engine, path=path)

    @classmethod
    @default_modes()
    def imagenet(
        cls,
        *,
        weights: str | Path = DEFAULT_WEIGHTS,
        pooling: PoolingChoice = "auto",
        device: Device = "auto",
    ) -> "Classifier":
        """Make a classifier of ImageNet's 1000 classes, named with all their WordNet synonyms.

        Images are cropped as torchvision crops them, and the scores are torchvision's. For the
        graph that Google published in 2015 they are squashed, in the way of that graph.

        Raises:
            WeightsError: no source has weights with an ImageNet classifier.
        """
        loaded = load_weights(weights, need_classifier=True, pooling=pooling)
        assert loaded.classifier is not None
        is_graph = loaded.record.lineage == tensorflow_graph.LINEAGE
        resize: Resize = "tensorflow" if is_graph else "crop"
        model = Model(
            labels=imagenet_labels(),
            head=Head(*loaded.classifier),
            preprocessing=Preprocessing(resize, exact_decode=True),
            record=loaded.record,
            half_features=False,
        )
        chosen = choose_device(device)
        return cls(model, load_engine(loaded, device=chosen, arithmetic="fp32"))

    @default_modes()
    def save(self, path: str | Path, *, bundle: Bundle = "no") -> None:
        """Write a `model.pt` that `load` reads back.

        Args:
            path: of the file.
            bundle: "fp32" or "fp16" has the network in it, so that it works where the weights
                cannot be had: 88 or 45 MB more. In fp16, scores differ a little.

        Raises:
            ConfigError: the path is that of a folder.
            WeightsError: the weights are to be in it, and cannot be had.
        """
        check_choice("bundle", bundle, Bundle)
        if Path(path).is_dir():
            raise ConfigError(f"path = {os.fspath(path)!r} is a folder. Name a file in it.")
        model = self.model
        if bundle != "no":
            model = bundled(model, own_weights(model, self._path), half=bundle == "fp16")
        save_model(model, Path(path))

    def neighbours(self, image: ImageInput, k: int = 3) -> list[Neighbour]:
        """Return the training images that an image is most like, the most similar first.

        Args:
            image: as in `predict`; one.
            k: how many, 1 or more.

        Raises:
            ConfigError: `k` is under 1.
            ImageError: the image cannot be read.
            ModelError: the file of the training images is not beside the model, or damaged; or the
                model was not trained by this package.
            TypeError: what is given is not an image.
        """
        (row,) = self._rows([image])
        return self.neighbours_of(row, k)

    def explain(self, image: ImageInput) -> Explanation:
        """Take the answer to an image apart: what of it speaks for and against each class.

        Where an engine gives no maps (OpenVINO), torch stands in for it, in float32; how far its
        scores are from the engine's is logged.

        Args:
            image: as in `predict`; one.

        Returns:
            a map per class, in logits. Of the logits that it adds up to, the softmax are the scores
            of `predict`; where an image may have several labels, the logistic function of each.

        Raises:
            ImageError: the image cannot be read.
            TypeError: what is given is not an image.
            WeightsError: torch is to stand in, and the weights cannot be had.
        """
        return self.explain_seen(see_named(image, self.model.preprocessing))

    @default_modes()
    @one_thread()
    def explain_seen(self, seen: SeenImage) -> Explanation:
        """Do as `explain`, of an image that is decoded.

        Raises:
            WeightsError: as `explain`.
        """
        maps = self._feature_maps(seen.pixels)
        row = spatial_means([each[None] for each in maps])[0]
        if self.model.half_features:
            row = row.half()
        logits, base, found = logit_maps(self.model.head, maps, row, self.model.mean_inputs)
        probabilities = self.model.head.probabilities_of_logits(logits[None])[0].numpy()
        if not isinstance(self.engine, GivesMaps):
            own = self.probabilities_of(self.engine.session()([seen.pixels])[0])
            difference = float(abs(probabilities - own).max())
            log.info(
                "maps: torch stands in for %s; its scores differ by %.5f at most",
                self.engine.arithmetic, difference,
            )  # fmt: skip
        return Explanation(
            self.labels,
            logits.numpy(),
            base.numpy(),
            {layer: each.float().numpy() for layer, each in found.items()},
            seen.pixels,
            placement((seen.facts.width, seen.facts.height), self.model.preprocessing),
            probabilities,
        )

    def _feature_maps(self, pixels: Pixels) -> list[Tensor]:
        """Return the network's maps of an image, (channels, height, width) each."""
        batch = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        return [each[0].float().cpu() for each in self.engine_with_maps.feature_maps(batch)]

    @cached_property
    def engine_with_maps(self) -> GivesMaps:
        """The engine; where it gives no maps, torch in float32 in its place.

        Raises:
            WeightsError: torch is to stand in, and the weights cannot be had.
        """
        if isinstance(self.engine, GivesMaps):
            return self.engine
        model = dataclasses.replace(self.model, arithmetic="fp32")
        found = load_model_engine(model, self._path, "", torch.device("cpu"))
        assert isinstance(found, GivesMaps)
        return found

    def stream_rows(self, images: Iterable[ImageInput]) -> Iterator[FeatureRow | ImageError]:
        """Yield the row of features of each image, as they come; a bad one yields its error.

        A row is what `best`, `distance_of` and `neighbours_of` answer by, without seeing the image
        again. At the end it is told what was odd about the images.
        """
        tally = FactsTally(self.model.preprocessing)
        # The cache keeps rows in float16, so only heads that were fitted on such are served by it.
        yield from stream_rows(
            self.engine,
            self.model.preprocessing,
            images,
            from_cache=self.model.half_features,
            tally=tally,
        )
        tally.tell(with_plain=True)


def imagenet_labels() -> list[str]:
    """Return ImageNet's 1000 class names, in the order of torchvision's outputs."""
    file = importlib.resources.files("torch_inception.classifier") / "imagenet_labels.txt"
    return file.read_text(encoding="utf-8").splitlines()
