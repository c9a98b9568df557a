"""A confusion matrix, drawn."""

import numpy
import pytest

from torch_inception.images.overlay import AGAINST
from torch_inception.tensorboard.confusion_image import LABELLED, draw_confusion

HOSTILE = ["\x1b[2J\n\n", "\u732b" * 500, "x" * 5000, ""]


def test_a_cell_is_the_bluer_the_larger_its_share_of_the_row() -> None:
    # Shares 3/4 and 1/4, whose roots are 0.866 and 0.5; and a class without images.
    image = draw_confusion([[75, 25, 0], [0, 9, 0], [0, 0, 0]], ["a", "b", "c"])
    cells = image[-24 - 120 : -24, -24 - 120 : -24][2::40, 2::40]
    depths = [[0.75**0.5, 0.5, 0], [0, 1, 0], [0, 0, 0]]
    for row, column in numpy.ndindex(3, 3):
        depth = depths[row][column]
        expected = [255 + depth * (colour - 255) for colour in AGAINST]
        assert cells[row, column].tolist() == pytest.approx(expected, abs=0.51)


def test_counts_are_written_where_there_are_any() -> None:
    image = draw_confusion([[5, 0], [0, 5]], ["a", "b"])
    cells = image[-24 - 80 : -24, -24 - 80 : -24].reshape(2, 40, 2, 40, 3).swapaxes(1, 2)
    kinds = [[len(numpy.unique(c.reshape(-1, 3), axis=0)) for c in row] for row in cells]
    assert kinds[0][1] == kinds[1][0] == 1
    assert kinds[0][0] > 1
    assert kinds[1][1] > 1


def test_many_classes_are_cells_alone() -> None:
    classes = LABELLED + 1
    identity = numpy.eye(classes, dtype=int)
    image = draw_confusion(identity.tolist(), [str(each) for each in range(classes)])
    cell = 960 // classes
    assert image.shape == (cell * classes, cell * classes, 3)
    assert (image[::cell, ::cell][identity == 1] == AGAINST).all()
    assert (image[::cell, ::cell][identity == 0] == 255).all()


def test_any_label_can_be_drawn() -> None:
    image = draw_confusion(numpy.eye(4, dtype=int).tolist(), HOSTILE)
    assert image.dtype == numpy.uint8
    assert max(image.shape) < 800
