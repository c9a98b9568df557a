"""How good heads of fewer images are, in cases that are plain by hand."""

import pytest
import torch
from torch import Tensor

from torch_inception.answers.shares import wilson_interval
from torch_inception.config import TrainConfig
from torch_inception.features.row_selection import RowSelection
from torch_inception.heads import learning_curve as module
from torch_inception.heads.fit import fit_head
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.heads.learning_curve import curve_points, learning_curve
from torch_inception.network import ROW_SIZE


def labelled(targets: Tensor, features: Tensor, groups: Tensor | None = None) -> LabelledRows:
    rows = torch.zeros(len(targets), ROW_SIZE)
    rows[:, -features.shape[1] :] = features
    classes = int(targets.max()) + 1
    return LabelledRows(RowSelection.of(rows), targets, classes, groups=groups)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def curve_of(rows: LabelledRows, **settings: object) -> list[dict[str, object]]:
    config = TrainConfig(layers="last", **settings)  # type: ignore[arg-type]
    return learning_curve(fit_head(config, rows, rows.subset(rows.targets < 0)), rows)


def test_classes_of_few_images_are_unknown_to_heads_of_fewer() -> None:
    # Far apart, so that a head that knows a class names it right. The two images of class 1 come
    # last, so they are in quarters 0 and 1. Heads of one quarter name one of them, left out,
    # wrong, and the other right, or know neither: 40 and (1 + 1 + 0 + 0) / 4 of 42 are right.
    # Heads of quarters 0 and 1 name both right, and of 1 to 3 the one that is not theirs.
    targets = torch.tensor([0] * 40 + [1] * 2)
    features = targets[:, None] * 50.0 + drawn(42, 3)
    curve = curve_of(labelled(targets, features))
    assert [point["images"] for point in curve] == [10, 21, 32, 42]
    assert [point["accuracy"] for point in curve] == pytest.approx(
        [40.5 / 42, 41 / 42, 41.5 / 42, 1]
    )
    assert {point["n"] for point in curve} == {42}
    assert curve[0]["wilson_interval_95"] == pytest.approx(list(wilson_interval(40.5, 42)))
    rows = labelled(targets, features)
    config = TrainConfig(layers="last")
    points = curve_points(fit_head(config, rows, rows.subset(rows.targets < 0)), rows)
    assert [point.right.tolist() for point in points] == [[40, 0.5], [40, 1], [40, 1.5], [40, 2]]
    assert [point.judged.tolist() for point in points] == [[40, 2]] * 4


def test_copies_of_an_image_do_not_answer_for_it() -> None:
    # Labels say nothing; copies would give them away.
    targets = (torch.arange(60) % 2).repeat_interleave(4)
    features = drawn(60, 200).repeat_interleave(4, dim=0) + 0.01 * drawn(240, 200, seed=1)
    groups = torch.arange(60).repeat_interleave(4)
    together = curve_of(labelled(targets, features, groups))
    apart = curve_of(labelled(targets, features))
    assert all(0.3 < point["accuracy"] < 0.7 for point in together)  # type: ignore[operator]
    assert apart[2]["accuracy"] > 0.9  # type: ignore[operator]


def test_a_large_set_is_sampled_but_for_its_last_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 40)
    targets = torch.arange(200) % 2
    curve = curve_of(labelled(targets, targets[:, None] * 50.0 + drawn(200, 3)))
    assert [(point["images"], point["n"]) for point in curve] == [
        (10, 40), (20, 40), (30, 40), (200, 200),
    ]  # fmt: skip


def test_quarters_may_be_one_image_and_never_none() -> None:
    targets = torch.arange(4) % 2
    rows = labelled(targets, targets[:, None] * 50.0 + drawn(4, 3))
    assert [point["images"] for point in curve_of(rows)] == [1, 2, 3, 4]
    groups = torch.tensor([0, 1, 2, 2])
    assert curve_of(labelled(targets, drawn(4, 3), groups)) == []


def test_solvers_that_leave_nothing_out_have_no_curve() -> None:
    targets = torch.arange(40) % 2
    assert curve_of(labelled(targets, drawn(40, 3)), solver="lbfgs") == []
