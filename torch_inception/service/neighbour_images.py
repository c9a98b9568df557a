"""Thumbnails of training images, from the cache or from the images where they still are."""

import logging
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.training_images import Neighbour
from torch_inception.errors import TorchInceptionError
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.features.image_rows import read_image
from torch_inception.images.data_uri import data_uri
from torch_inception.report.results_folder import ResultsFolder
from torch_inception.system.cache_folder import cache_folder

log = logging.getLogger(__name__)

KEPT = 1000
"""Thumbnails that are kept in memory, of some 3 kB each."""


class NeighbourImages:
    """Finds thumbnails of the training images of a classifier.

    Args:
        classifier: the classifier.
        folder: of its run, where a table tells which images it was trained on.
    """

    def __init__(self, classifier: Classifier, folder: Path) -> None:
        self._preprocessing = classifier.model.preprocessing
        self._folder = ResultsFolder(folder)
        self._thumbnail = lru_cache(KEPT)(self._find)

    def with_thumbnails(self, neighbours: Sequence[Neighbour]) -> list[dict[str, object]]:
        """Return training images as plain values, each with a data URI or None."""
        return [{**each._asdict(), "thumbnail": self._thumbnail(each.path)} for each in neighbours]

    def _find(self, path: str) -> str | None:
        try:
            digest = self._folder.digests.get(path)
            if digest is None:
                return None
            jpeg = self._cache.find([digest]).get(digest) if self._cache else None
            jpeg = jpeg or self._read(path, digest)
        except (TorchInceptionError, OSError, ValueError, KeyError) as error:
            log.warning("WARNING: there is no thumbnail of %s: %s", path, error)
            return None
        return data_uri("image/jpeg", jpeg) if jpeg else None

    def _read(self, path: str, digest: bytes) -> bytes | None:
        """Make the thumbnail of a file, if its content is what it was."""
        file = self._folder.file_of(path)
        return read_image(
            file, self._preprocessing, is_wanted=lambda each: each == digest
        ).thumbnail

    @cached_property
    def _cache(self) -> Thumbnails | None:
        try:
            return Thumbnails(cache_folder())
        except (TorchInceptionError, OSError) as error:
            log.info("no thumbnails are taken from the cache: %s", error)
            return None
