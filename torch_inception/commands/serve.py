"""Answer over HTTP: images in, names out, by one trained model or several."""

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import SUCCESS, run_command
from torch_inception.config import ServeConfig

if TYPE_CHECKING:
    from torch_inception.engines.protocol import Engine


def main(argv: Sequence[str] | None = None, *, engine: "Engine | None" = None) -> int:
    """Run the command; return its exit status.

    Args:
        argv: arguments; those of the process by default.
        engine: what runs the network of the models; made of their weights by default.
    """
    parser = Parser("serve", description=__doc__, operands="RUN ...", settings=ServeConfig)
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run folder, a model.pt, or an ONNX file of export"
    )
    arguments = parser.parse(argv)
    config = parser.config(arguments, ServeConfig)

    def serve() -> int:
        # Imported here, so that --help does not wait for torch.
        from torch_inception.images.pillow_settings import silent_libtiff
        from torch_inception.service.packages import check_packages

        check_packages()
        from torch_inception.service.serve import serve_models

        with silent_libtiff(), _told_to_end() as is_to_end:
            serve_models(arguments.runs, config, is_to_end, engine=engine)
        return SUCCESS

    return run_command(
        serve,
        log_to=sys.stderr,
        quiet=arguments.quiet,
        when_stopped="stopped. What was begun is answered.",
    )


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """Give an event that SIGTERM sets; a handler of the program around this one stays."""
    event = threading.Event()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield event
        return
    signal.signal(signal.SIGTERM, lambda number, frame: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
