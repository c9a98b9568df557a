"""Measure a trained model on another labelled folder or table, and compare it with a second one."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import SUCCESS, run_command
from torch_inception.config import EvaluateConfig
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.engines.protocol import Engine


def main(argv: Sequence[str] | None = None, *, engine: "Engine | None" = None) -> int:
    """Run the command; return its exit status.

    Args:
        argv: arguments; those of the process by default.
        engine: what runs the network of the models; made of their weights by default.
    """
    parser = Parser("evaluate", description=__doc__, operands="RUN DATA", settings=EvaluateConfig)
    parser.add_argument("run", metavar="RUN", help="a run folder, or a model.pt")
    parser.add_data(
        "DATA",
        help="folder with one folder of images per class (not needed with --labels)",
    )
    arguments = parser.parse(argv)
    config = parser.config(arguments, EvaluateConfig)
    is_json = config.format == "json"

    def evaluate() -> int:
        # Imported here, so that --help does not wait for numpy or torch.
        from torch_inception.exported.description import refuse_exported

        refuse_exported(Path(arguments.run))
        check_torch_pair()
        from torch_inception.evaluation.evaluate import run_evaluation
        from torch_inception.images.pillow_settings import silent_libtiff
        from torch_inception.report.after_run import report_on

        progress = sys.stderr.isatty() and not arguments.quiet
        with silent_libtiff():
            result = run_evaluation(arguments.run, config, engine=engine, progress=progress)
            if config.report:
                report_on(
                    result.output,
                    result.classifier,
                    thumbnails=config.thumbnails,
                    data=result.data,
                    run=result.run,
                )
        if is_json:
            sys.stdout.write(f"{json.dumps(result.metrics)}\n")
        return SUCCESS

    return run_command(
        evaluate,
        log_to=sys.stderr if is_json else sys.stdout,
        quiet=arguments.quiet,
        when_stopped="stopped. Run the same command again: features that were computed are kept.",
    )
