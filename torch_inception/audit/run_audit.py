"""An audit, from what is named to the results."""

import logging
from pathlib import Path
from typing import NamedTuple

from torch_inception.audit.audited_data import AuditedData, read_audited
from torch_inception.audit.findings import Findings, find_all
from torch_inception.audit.page import AUDIT_PAGE, audit_page
from torch_inception.audit.proposals import propose
from torch_inception.audit.subject import audit_subject
from torch_inception.audit.summary import summary_lines
from torch_inception.audit.tables import (
    AUDIT_FILE,
    QUARANTINE_FILE,
    RELABEL_FILE,
    read_kept,
    write_tables,
)
from torch_inception.config import AuditConfig
from torch_inception.datasets.load_dataset import class_roots
from torch_inception.engines.protocol import Engine
from torch_inception.system.cache_folder import cache_folder, cache_in_use
from torch_inception.system.replacement import prepare_replacing, replaced_together
from torch_inception.system.torch_modes import default_modes
from torch_inception.system.write import write_text
from torch_inception.training.output_folder import check_output
from torch_inception.training.run_folder import writable

results = logging.getLogger("torch_inception.results")

AUDIT_FILES = (AUDIT_FILE, QUARANTINE_FILE, RELABEL_FILE, AUDIT_PAGE)
"""What an audit leaves, in the order in which it takes the place of an earlier one."""


class AuditResult(NamedTuple):
    """The images, what was found of them, and the folder of the results."""

    data: AuditedData
    findings: Findings
    output: Path


@default_modes()
def run_audit(
    config: AuditConfig, *, engine: Engine | None = None, progress: bool = False
) -> AuditResult:
    """Audit as a configuration says. No image is changed or moved.

    Args:
        config: the settings.
        engine: what runs the network; made of the weights where there is none.
        progress: whether to show progress bars on standard error.

    Raises:
        ConfigError: a setting cannot be used, or the results cannot be written.
        DatasetError: the images cannot be used.
        WeightsError: no source of weights works.
        CacheError: the feature cache cannot be used.
    """
    subject = audit_subject(config)
    output = subject.output
    check_output(output, *class_roots(subject.config))
    with writable(output):
        prepare_replacing(output, AUDIT_FILES)
    with cache_in_use(cache_folder()):
        data = read_audited(subject, engine=engine, progress=progress)
        findings = find_all(data, read_kept(output, data))
        proposals = propose(data, findings)
        page = audit_page(subject, data, findings, proposals, thumbnails=config.thumbnails)
    with writable(output), replaced_together(output, AUDIT_FILES) as staging:
        write_tables(staging, data, findings, proposals)
        write_text(staging / AUDIT_PAGE, page)
    for line in summary_lines(findings) or ["Nothing was found."]:
        results.info("%s", line)
    results.info("The page is %s", output / AUDIT_PAGE)
    results.info(
        "Beside it are the lists that --quarantine and --relabel take; look through them first."
    )
    return AuditResult(data, findings, output)
