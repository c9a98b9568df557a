"""Train a classifier on a folder of images."""

import argparse
import sys
from collections.abc import Sequence

from torch_inception.commands.flags import (
    FAILURE,
    SUCCESS,
    add_flags,
    chosen_config,
    open_closed_streams,
    run_command,
)
from torch_inception.config import TrainConfig


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    open_closed_streams()
    parser = argparse.ArgumentParser(prog="torch-inception train", description=__doc__)
    add_flags(parser, TrainConfig)
    arguments = parser.parse_args(argv)
    return run_command(
        lambda: _train(chosen_config(arguments, TrainConfig)),
        log_to=sys.stdout,
        when_stopped="stopped. Run the same command again: features that were computed are kept.",
    )


def _train(config: TrainConfig) -> int:
    # Imported here, so that --help does not wait for torch.
    from torch_inception.training.pipeline import run_training

    result = run_training(config, progress=True)
    return FAILURE if config.strict and result.skipped else SUCCESS
