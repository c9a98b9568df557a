"""torchvision's names of the convolutions, and those of Google's graph of 2015.

In the graph a block's branches are called `tower`, `tower_1` and `tower_2` in the order in which
they were written down, and the convolutions of a branch `conv`, `conv_1` and so on. Where a branch
ends in two convolutions side by side, they are in a `mixed` of their own.
"""

_STEM = {
    "Conv2d_1a_3x3": "conv",
    "Conv2d_2a_3x3": "conv_1",
    "Conv2d_2b_3x3": "conv_2",
    "Conv2d_3b_1x1": "conv_3",
    "Conv2d_4a_3x3": "conv_4",
}

_A = {
    "branch1x1": "conv",
    "branch5x5_1": "tower/conv",
    "branch5x5_2": "tower/conv_1",
    "branch3x3dbl_1": "tower_1/conv",
    "branch3x3dbl_2": "tower_1/conv_1",
    "branch3x3dbl_3": "tower_1/conv_2",
    "branch_pool": "tower_2/conv",
}

_B = {
    "branch3x3": "conv",
    "branch3x3dbl_1": "tower/conv",
    "branch3x3dbl_2": "tower/conv_1",
    "branch3x3dbl_3": "tower/conv_2",
}

_C = {
    "branch1x1": "conv",
    "branch7x7_1": "tower/conv",
    "branch7x7_2": "tower/conv_1",
    "branch7x7_3": "tower/conv_2",
    "branch7x7dbl_1": "tower_1/conv",
    "branch7x7dbl_2": "tower_1/conv_1",
    "branch7x7dbl_3": "tower_1/conv_2",
    "branch7x7dbl_4": "tower_1/conv_3",
    "branch7x7dbl_5": "tower_1/conv_4",
    "branch_pool": "tower_2/conv",
}

_D = {
    "branch3x3_1": "tower/conv",
    "branch3x3_2": "tower/conv_1",
    "branch7x7x3_1": "tower_1/conv",
    "branch7x7x3_2": "tower_1/conv_1",
    "branch7x7x3_3": "tower_1/conv_2",
    "branch7x7x3_4": "tower_1/conv_3",
}

_E = {
    "branch1x1": "conv",
    "branch3x3_1": "tower/conv",
    "branch3x3_2a": "tower/mixed/conv",
    "branch3x3_2b": "tower/mixed/conv_1",
    "branch3x3dbl_1": "tower_1/conv",
    "branch3x3dbl_2": "tower_1/conv_1",
    "branch3x3dbl_3a": "tower_1/mixed/conv",
    "branch3x3dbl_3b": "tower_1/mixed/conv_1",
    "branch_pool": "tower_2/conv",
}

_BLOCKS = [
    ("Mixed_5b", "mixed", _A),
    ("Mixed_5c", "mixed_1", _A),
    ("Mixed_5d", "mixed_2", _A),
    ("Mixed_6a", "mixed_3", _B),
    ("Mixed_6b", "mixed_4", _C),
    ("Mixed_6c", "mixed_5", _C),
    ("Mixed_6d", "mixed_6", _C),
    ("Mixed_6e", "mixed_7", _C),
    ("Mixed_7a", "mixed_8", _D),
    ("Mixed_7b", "mixed_9", _E),
    ("Mixed_7c", "mixed_10", _E),
]

UNITS = _STEM | {
    f"{block}.{unit}": f"{node}/{part}"
    for block, node, parts in _BLOCKS
    for unit, part in parts.items()
}
"""torchvision's name of each of the 94 convolutions -> the node that is its output."""

POOLS = [f"{node}/tower_2/pool" for _, node, parts in _BLOCKS[:-1] if "branch_pool" in parts]
"""The nodes that average in the blocks' pooling branches."""

LAST_POOL = "mixed_10/tower_2/pool"
"""The one in the last block."""
