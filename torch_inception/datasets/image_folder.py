"""The images of a data set as a torchvision data set, for training loops of one's own."""

from pathlib import Path

import torchvision
from PIL import Image

from torch_inception.datasets.dataset import labelled_files
from torch_inception.datasets.folder_shapes import (
    check_folder,
    class_names,
    refuse_fewer_than_two_classes,
)
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode
from torch_inception.images.read import read_file


class ImageFolder(torchvision.datasets.ImageFolder):  # type: ignore[misc]  # torchvision has no types
    """torchvision's `ImageFolder` over the files that training takes, decoded as it decodes them.

    Class names are the names of the folders, exactly; hidden entries are ignored; every other
    file is a sample, and what is not an image shows when it is decoded, as an `ImageError` that
    names the file.
    """

    def __init__(self, root: str | Path) -> None:
        super().__init__(str(root), loader=_load, is_valid_file=lambda path: True)

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """Return the names of the class folders, sorted, and each one's number.

        Raises:
            DatasetError: there is no such folder, or none of a class in it.
        """
        check_folder(Path(directory), setting="data")
        names = class_names(Path(directory))
        if not names:
            refuse_fewer_than_two_classes(Path(directory), names)
        return names, {name: number for number, name in enumerate(names)}

    @staticmethod
    def make_dataset(
        directory: str | Path, class_to_idx: dict[str, int], *_: object, **__: object
    ) -> list[tuple[str, int]]:
        """Return (path, class number) of every file that is not hidden."""
        labels = sorted(class_to_idx, key=class_to_idx.__getitem__)
        return [(str(path), number) for path, number in labelled_files(Path(directory), labels)]


def _load(path: str) -> Image.Image:
    try:
        return decode(read_file(Path(path)))
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
