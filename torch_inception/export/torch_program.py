"""`torch.export`: the graph as torch keeps it, and its file `.pt2`."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram

from torch_inception.export.graph import ImageGraph
from torch_inception.export.packages import quiet

ABOUT_FILE = "torch_inception.json"
"""Name of what the file says of itself, among the files in it."""


def export_program(graph: ImageGraph) -> ExportedProgram:
    """Return the graph for any number of images of any one size."""
    dtype = torch.float32 if graph.is_deep else torch.uint8
    # A number that is 1, or twice the same, would be taken for one that never changes.
    example = torch.zeros(2, 37, 41, 3, dtype=dtype)
    free = {0: Dim("images", min=1), 1: Dim("height", min=1), 2: Dim("width", min=1)}
    with torch.no_grad(), quiet():
        program = torch.export.export(graph.eval(), (example,), dynamic_shapes=(free,))
    for module in program.graph_module.modules():
        for node in getattr(module, "graph", torch.fx.Graph()).nodes:
            node.meta.pop("stack_trace", None)  # where on this machine the source lies
    return program


def write_program(program: ExportedProgram, path: Path, about: Mapping[str, str]) -> None:
    """Write a `.pt2` for `torch.export.load(path, extra_files={"torch_inception.json": ""})`."""
    text = json.dumps(dict(about), ensure_ascii=False)
    with path.open("wb") as file, quiet():
        torch.export.save(program, file, extra_files={ABOUT_FILE: text})
