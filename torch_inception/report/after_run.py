"""The report that a command ends with, if it can be made."""

import logging
from pathlib import Path

from torch_inception.classifier.classifier import Classifier
from torch_inception.errors import TorchInceptionError
from torch_inception.report.write_report import write_report

log = logging.getLogger(__name__)
FAILED = "there is no report of these results, and all else is complete"

results = logging.getLogger("torch_inception.results")


def report_on(
    folder: Path,
    classifier: Classifier,
    *,
    thumbnails: bool,
    data: Path | None = None,
    run: Path | None = None,
) -> None:
    """Write the report of a folder, and say where it is.

    The results are complete without it, so what goes wrong here is told, and is no error.

    Args:
        folder: as for `write_report`, and so are the others.
        classifier: of the run.
        thumbnails: whether images are shown.
        data: what paths in its tables are relative to.
        run: that the classifier is of, where the folder is that of an evaluation.
    """
    try:
        file = write_report(folder, classifier, data=data, run=run, thumbnails=thumbnails)
        results.info("The report is %s", file)
    except (TorchInceptionError, OSError) as error:
        log.warning("WARNING: %s: %s", FAILED, error)
    except Exception:  # a fault of ours, which must not cost the results
        log.warning("WARNING: %s, by a fault of the program:", FAILED, exc_info=True)
