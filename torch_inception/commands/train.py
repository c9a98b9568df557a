"""Train a classifier on a folder of images."""

import logging
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import FAILURE, SUCCESS, run_command
from torch_inception.commands.screen import print_error
from torch_inception.config import TrainConfig
from torch_inception.system.escape import printable
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.engines.protocol import Engine

results = logging.getLogger("torch_inception.results")


def main(argv: Sequence[str] | None = None, *, engine: "Engine | None" = None) -> int:
    """Run the command; return its exit status.

    Args:
        argv: arguments; those of the process by default.
        engine: what runs the network; made of the weights by default.
    """
    parser = Parser("train", description=__doc__, settings=TrainConfig)
    arguments = parser.parse(argv)
    config = parser.config(arguments, TrainConfig)
    if arguments.target_precision == 0:  # in a file of settings it says that none is asked for
        parser.error("target_precision = 0 must be above 0 and up to 1")

    def train() -> int:
        check_torch_pair()
        # Imported here, so that --help does not wait for torch.
        from torch_inception.images.pillow_settings import silent_libtiff
        from torch_inception.report.after_run import report_on
        from torch_inception.training.pipeline import run_training

        # A file is for lines, not for a bar that moves.
        progress = sys.stderr.isatty() and not arguments.quiet
        with silent_libtiff():
            result = run_training(config, engine=engine, progress=progress)
            if config.report:
                report_on(result.output, result.classifier, thumbnails=config.thumbnails)
        accuracy = result.metrics["test"].get("accuracy")  # several labels have none
        if accuracy is not None and accuracy < 1:
            command = shlex.join(["torch-inception", "audit", str(result.output)])
            results.info("Wrong labels? Duplicates? %s", printable(command))
        if config.strict and result.skipped:
            count = len(result.skipped)
            were = "1 file was" if count == 1 else f"{count:,} files were"
            print_error(f"{were} skipped, and --strict allows none.")
            return FAILURE
        return SUCCESS

    return run_command(
        train,
        log_to=sys.stdout,
        quiet=arguments.quiet,
        when_stopped="stopped. Run the same command again: features that were computed are kept.",
    )
