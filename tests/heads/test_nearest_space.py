"""How far images are from the nearest training image: what is new and alike is not unlike."""

import pytest
import torch
from torch import Tensor

from torch_inception.features.row_selection import RowSelection
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.nearest_space import fit_nearest_space
from torch_inception.network import ROW_SIZE

FACTORS = 40


def draw(count: int, *, seed: int) -> Tensor:
    """Draw rows (N, 4096) float16 that vary in some directions, and a little in all."""
    generator = torch.Generator().manual_seed(7)
    mixing = torch.randn(FACTORS, ROW_SIZE, generator=generator)
    generator.manual_seed(seed)
    along = torch.randn(count, FACTORS, generator=generator) @ mixing
    noise = torch.randn(count, ROW_SIZE, generator=generator)
    return ((0.1 * along + 0.3 * noise + 4).clamp(min=0)).half()


def labelled(rows: Tensor, groups: Tensor | None = None) -> LabelledRows:
    targets = torch.zeros(len(rows), dtype=torch.int64)
    return LabelledRows(RowSelection.of(rows), targets, 1, groups=groups)


@pytest.mark.parametrize("count", [100, 400])
def test_about_the_share_that_is_asked_for_of_new_images_is_called_unlike(count: int) -> None:
    space = fit_nearest_space(labelled(draw(count, seed=1))).space
    new, strange = space.distances(draw(1000, seed=2)), space.distances(draw(50, seed=3) * 3)
    for share, least in ((0.05, 0), (0.2, 0.03)):
        threshold = space.threshold(share)
        assert threshold is not None
        assert least <= float((new > threshold).float().mean()) < share + 0.08
        assert (strange > threshold).all()


def test_images_of_one_group_are_left_out_together() -> None:
    rows = draw(40, seed=1).repeat_interleave(2, dim=0)
    pairs = torch.arange(40).repeat_interleave(2)
    together = fit_nearest_space(labelled(rows, pairs)).space.left_out
    apart = fit_nearest_space(labelled(rows)).space.left_out
    assert float(together.min()) > 1
    assert float(apart.min()) < 0.1


def test_of_one_group_nothing_can_be_judged() -> None:
    fitted = fit_nearest_space(labelled(draw(6, seed=1), torch.zeros(6, dtype=torch.int64)))
    assert fitted.space.judged == len(fitted.space.left_out) == 0
    assert fitted.space.threshold(0.05) is None
