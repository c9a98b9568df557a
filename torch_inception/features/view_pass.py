"""The pass over several views of images that have been read before.

Which images are trained on, and so seen in several ways, is known only when all have been read.
"""

import hashlib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from torch_inception.engines.protocol import Engine, Session
from torch_inception.errors import ImageError
from torch_inception.features.cache.open_store import open_row_store
from torch_inception.features.cache.row_store import StoredRow
from torch_inception.features.cached_pass import COMMIT_ROWS, select_rows
from torch_inception.features.image_rows import CHANGED, row_space
from torch_inception.features.ordered_map import Work, ordered_map
from torch_inception.features.progress import progress_bar
from torch_inception.features.row_selection import RowSelection
from torch_inception.images.decode import decode_file
from torch_inception.images.facts import ImageFacts, image_facts
from torch_inception.images.limits import one_large_image_at_a_time
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.read import read_file
from torch_inception.images.views import View
from torch_inception.system.cache_folder import cache_in_use

KeyedRows = dict[bytes, StoredRow]


class ViewedImage(NamedTuple):
    """An image and how it is looked at.

    Attributes:
        path: its file.
        digest: SHA-256 of the content.
        views: one at least.
    """

    path: Path
    digest: bytes
    views: Sequence[View]


def view_key(digest: bytes, view: View) -> bytes:
    """Return what the row of a view is found by: the image's digest itself for the original."""
    if not view.identity:
        return digest
    return hashlib.sha256(digest + view.identity.encode()).digest()


def run_view_pass(
    engine: Engine,
    preprocessing: Preprocessing,
    images: Sequence[ViewedImage],
    *,
    cache: Path,
    progress: bool = False,
) -> RowSelection:
    """Map images to the rows of their views, computing only those that the cache does not have.

    Args:
        engine: the frozen network.
        preprocessing: how a view becomes 299 x 299.
        images: what is looked at, and how; a file is read once for all of its views.
        cache: the cache folder.
        progress: whether to show a bar on standard error.

    Returns:
        the rows of the first image's views, then those of the second's, and so on.

    Raises:
        ImageError: a file has changed since it was read, or cannot be read any more.
        CacheError: the cache cannot be used.
    """
    with cache_in_use(cache):
        store = open_row_store(cache, space=row_space(engine, preprocessing))
        keys = [view_key(image.digest, view) for image in images for view in image.views]
        cached = store.find(keys)
        missing: dict[bytes, ViewedImage] = {}
        for image in images:
            views = [v for v in image.views if view_key(image.digest, v) not in cached]
            if views:
                missing.setdefault(image.digest, image._replace(views=views))
        most = max((len(image.views) for image in missing.values()), default=1)
        results = ordered_map(
            lambda: _make_worker(engine.session(), engine.batch_size, preprocessing),
            list(missing.values()),
            workers=engine.workers,
            batch_size=max(1, engine.batch_size // most),
        )
        found: KeyedRows = {}
        try:
            for rows in progress_bar(results, "views", total=len(missing), show=progress):
                found |= rows
                if len(found) >= COMMIT_ROWS:
                    store.append(found)
                    found.clear()
        finally:
            store.append(found)
        return select_rows(store, keys)[0]


def _make_worker(
    session: Session, batch_size: int, preprocessing: Preprocessing
) -> Work[ViewedImage, KeyedRows]:
    def work(batch: Sequence[ViewedImage]) -> list[KeyedRows]:
        seen = [_look_at(image, preprocessing) for image in batch]
        pixels = [each for views in seen for each, _ in views]
        starts = range(0, len(pixels), batch_size)
        rows = chain.from_iterable(session(pixels[start : start + batch_size]) for start in starts)
        return [
            {
                view_key(image.digest, view): StoredRow(next(rows).astype("<f2"), facts)
                for view, (_, facts) in zip(image.views, views, strict=True)
            }
            for image, views in zip(batch, seen, strict=True)
        ]

    return work


def _look_at(image: ViewedImage, preprocessing: Preprocessing) -> list[tuple[Pixels, ImageFacts]]:
    try:
        content = read_file(image.path)
        if hashlib.sha256(content).digest() != image.digest:
            raise ImageError(CHANGED)
        with one_large_image_at_a_time():
            whole, original = decode_file(content, shorter_side=preprocessing.shorter_side)
            pixels = [preprocessing(view(whole)) for view in image.views]
    except ImageError as error:
        raise ImageError(f"{image.path}: {error}. Run the command again.") from error
    return [(each, image_facts(original, each)) for each in pixels]
