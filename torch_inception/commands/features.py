"""Write the features of a folder of images as Parquet files, on one machine or many."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import SUCCESS, run_command
from torch_inception.config import FeaturesConfig
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.engines.protocol import Engine


def main(argv: Sequence[str] | None = None, *, engine: "Engine | None" = None) -> int:
    """Run the command; return its exit status.

    Args:
        argv: arguments; those of the process by default.
        engine: what runs the network; made of the weights by default.
    """
    parser = Parser("features", description=__doc__, operands="DATA", settings=FeaturesConfig)
    parser.add_data("DATA", help="folder of images, s3://BUCKET/FOLDER or gs://BUCKET/FOLDER")
    arguments = parser.parse(argv)
    config = parser.config(arguments, FeaturesConfig)
    if not (config.data and config.shards):
        parser.error("name a folder of images, and one for features: features DATA --shards FOLDER")

    def features() -> int:
        check_torch_pair()
        # Imported here, so that --help does not wait for torch.
        from torch_inception.features.cluster.write_rows import write_rows

        progress = sys.stderr.isatty() and not arguments.quiet
        write_rows(config, engine=engine, progress=progress)
        return SUCCESS

    return run_command(
        features,
        log_to=sys.stdout,
        quiet=arguments.quiet,
        when_stopped="stopped. Run the same command again: features that were computed are kept.",
    )
