"""What the server asks of a model, whatever runs it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy
from numpy.typing import NDArray

from torch_inception.answers.accuracy import Accuracy
from torch_inception.images.preprocess import Pixels
from torch_inception.images.see import SeenImage

Values = Mapping[str, object]
"""What is told of an image, by name: plain values."""

Output = Any
"""What a model's network makes of an image, such as a row of features: the model tells from it."""

Session = Callable[[Sequence[SeenImage]], Iterable[Output]]
"""Maps up to `batch_size` images to an output for each."""


@dataclass(frozen=True)
class ModelFacts:
    """What is told of a model without an image.

    Attributes:
        labels: class names.
        version: changes when the model does.
        has_distance: whether it tells how far an image is from the training images.
        has_thresholds: whether it tells which classes an image is over the threshold of.
        has_maps: whether it tells what of an image speaks for a class.
        has_neighbours: whether it names the training images that an image is most like.
        accuracy: when it was trained.
        several_labels: whether an image may have several labels, or none.
    """

    labels: Sequence[str]
    version: str
    has_distance: bool
    has_thresholds: bool
    has_maps: bool
    has_neighbours: bool
    accuracy: Accuracy
    several_labels: bool = False


class Wishes(NamedTuple):
    """What is to be told of an image.

    Attributes:
        top: best classes.
        map: whether to tell what of it speaks for the best class.
        neighbours: training images that it is most like.
    """

    top: int = 5
    map: bool = False
    neighbours: int = 0


class ServedModel(Protocol):
    """A model in a server. All but `session` may be called on any thread."""

    @property
    def facts(self) -> ModelFacts:
        """What is told of it."""

    @property
    def batch_size(self) -> int:
        """Most images that a session takes at a time."""

    @property
    def workers(self) -> int:
        """How many threads had best have a session each."""

    def see(self, image: bytes | Pixels) -> SeenImage:
        """Return what the network sees.

        Args:
            image: the content of a file, or RGB as uint8 (H, W, 3).

        Raises:
            ImageError: it is not an image that can be read.
        """

    def session(self) -> Session:
        """Return a function for the calling thread alone, which keeps one core busy."""

    def tell(self, image: SeenImage, output: Output, wishes: Wishes) -> Values:
        """Return what is told of an image: predictions, and what the wishes ask for.

        Args:
            image: as `see` gave it.
            output: of a session.
            wishes: what the model cannot tell is not among them.
        """

    def probabilities(self, output: Output) -> NDArray[numpy.float64]:
        """Return the probability of each class, (C,), by the output of a session."""
