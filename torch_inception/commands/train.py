"""Train a classifier on a folder of images."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch_inception.commands.flags import (
    FAILURE,
    SUCCESS,
    add_flags,
    chosen_config,
    open_closed_streams,
    run_command,
)
from torch_inception.config import TrainConfig
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.engines.protocol import Engine


def main(argv: Sequence[str] | None = None, *, engine: "Engine | None" = None) -> int:
    """Run the command; return its exit status. An `engine` takes the place of the weights'."""
    open_closed_streams()
    parser = argparse.ArgumentParser(prog="torch-inception train", description=__doc__)
    add_flags(parser, TrainConfig)
    arguments = parser.parse_args(argv)
    return run_command(
        lambda: _train(chosen_config(arguments, TrainConfig), engine),
        log_to=sys.stdout,
        when_stopped="stopped. Run the same command again: features that were computed are kept.",
    )


def _train(config: TrainConfig, engine: "Engine | None") -> int:
    check_torch_pair()
    # Imported here, so that --help does not wait for torch.
    from torch_inception.training.pipeline import run_training

    result = run_training(config, engine=engine, progress=True)
    return FAILURE if config.strict and result.skipped else SUCCESS
