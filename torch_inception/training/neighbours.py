"""The training images that a run keeps, so that the nearest can be found later."""

from torch_inception.classifier.training_images import TrainingImages, training_images
from torch_inception.heads.class_space import ImageSpace
from torch_inception.heads.solvers.selection import sampled_rows
from torch_inception.training.examples import Examples

MOST_IMAGES = 200_000
"""Training images that are kept at most: 100 MB. Of more, a sample is."""


def kept_images(space: ImageSpace, examples: Examples) -> TrainingImages:
    """Return the training images of a run; of very many, a sample."""
    rows = examples.labelled_rows("train")
    chosen = sampled_rows(rows, MOST_IMAGES)
    images = examples.part_images("train")
    names = [(images[place].path, images[place].label) for place in chosen.tolist()]
    return training_images(space, rows.features.subset(chosen), names)
