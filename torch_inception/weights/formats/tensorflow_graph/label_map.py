"""Which output of Google's graph of 2015 is which of ImageNet's classes.

The graph has 1008 outputs; the file that Google shipped beside it gives the numbers of those
that are classes, 1 to 1000, in an order of its own. A class is known by its WordNet number
("n01440764" is the tench), and torchvision orders them by these.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from torch_inception.errors import WeightsError
from torch_inception.weights.formats.local_file import read_whole

OUTPUTS = 1008
CLASSES = 1000
FILE = "imagenet_2012_challenge_label_map_proto.pbtxt"

_ENTRY = re.compile(
    r'entry\s*\{\s*target_class:\s*(\d{1,4})\s+target_class_string:\s*"(n\d{8})"\s*\}'
)


def read_label_map(path: Path) -> Sequence[int]:
    """Return the graph's output for each class, in torchvision's order: 1000 numbers, 1 to 1000.

    Raises:
        WeightsError: the file cannot be read, or is another.
    """
    text = read_whole(path).decode("utf-8", "replace")
    outputs = {wordnet: int(output) for output, wordnet in _ENTRY.findall(text)}
    if sorted(outputs.values()) != list(range(1, CLASSES + 1)):
        raise WeightsError(
            f"{path} does not give each of the outputs 1 to {CLASSES} a class. Restore it from "
            "the archive that the graph came in, or move it away to do without ImageNet's names."
        )
    return [outputs[wordnet] for wordnet in sorted(outputs)]
