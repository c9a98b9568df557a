"""The report that a run ends with, if it can be made."""

import logging

from torch_inception.config import TrainConfig
from torch_inception.report.write_report import REPORT_FILE, write_report
from torch_inception.training.pipeline import TrainingResult

log = logging.getLogger(__name__)
results = logging.getLogger("torch_inception.results")


def report_on(result: TrainingResult, config: TrainConfig) -> None:
    """Write the report of a run, if it is wanted; that of the run before is not left in any case.

    The run is complete without it, so nothing that goes wrong here is an error of the run.

    Args:
        result: of the run.
        config: its settings.
    """
    file = result.output / REPORT_FILE
    try:
        file.unlink(missing_ok=True)
        if config.report:
            write_report(result.output, result.classifier, thumbnails=config.thumbnails)
            results.info("The report is %s", file)
    except Exception as error:
        log.warning(
            "WARNING: there is no report of this run (%s: %s). All else is complete.",
            type(error).__name__, error,
        )  # fmt: skip
        log.debug("the report failed", exc_info=True)
