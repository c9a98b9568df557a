"""Write a trained model as one file that goes where it is wanted, and check its answers."""

import sys
from collections.abc import Sequence
from pathlib import Path

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import SUCCESS, run_command
from torch_inception.config import ExportConfig
from torch_inception.system.torch_pair import check_torch_pair


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = Parser("export", description=__doc__, operands="RUN", settings=ExportConfig)
    parser.add_argument("run", metavar="RUN", help="a run folder, or a model.pt")
    arguments = parser.parse(argv)
    config = parser.config(arguments, ExportConfig)

    def export() -> int:
        # Imported here, so that --help does not wait for numpy or torch.
        from torch_inception.exported.description import refuse_exported

        refuse_exported(Path(arguments.run))
        check_torch_pair()
        from torch_inception.export.export_model import export_model
        from torch_inception.images.pillow_settings import silent_libtiff

        with silent_libtiff():
            export_model(arguments.run, config)
        return SUCCESS

    return run_command(
        export,
        log_to=sys.stdout,
        quiet=arguments.quiet,
        when_stopped="stopped. Nothing was written.",
    )
