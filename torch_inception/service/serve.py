"""From names of runs to a server that answers until it is told to end."""

import ipaddress
import logging
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch_inception.config import ServeConfig, expand_home
from torch_inception.exported.description import is_exported
from torch_inception.service.app import make_app, make_service
from torch_inception.service.reload import Reloader
from torch_inception.service.served_model import ServedModel
from torch_inception.service.server import ServerThread, check_certificate, open_socket
from torch_inception.system.escape import listed
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.engines.protocol import Engine

log = logging.getLogger("torch_inception.results")

LOOK_SECONDS = 1.0
"""How often files of models are looked at."""

NAMES_SHOWN = 10

MODEL_FILE = "model.pt"
"""In a run folder."""


def serve_models(
    runs: Sequence[str],
    config: ServeConfig,
    is_to_end: threading.Event,
    *,
    engine: "Engine | None" = None,
) -> None:
    """Answer until an event is set, or until Ctrl-C; then finish what was begun.

    Args:
        runs: run folders, `model.pt` files or exported ONNX files; the first one answers where a
            request names none.
        config: settings.
        is_to_end: set when it is to end.
        engine: what runs the network of the models; made of their weights by default.

    Raises:
        ConfigError: the address, certificate or a run cannot be used.
        ModelError, WeightsError: as `Classifier.load`.
        InstallationError: a package is missing that a run needs.
    """
    if config.certificate:
        check_certificate(config.certificate, config.key)
    files = named_files(runs)

    def load(name: str) -> ServedModel:
        return _load(files[name], config, engine)

    with open_socket(config.host, config.port) as listener:
        reloader = Reloader(files, load)  # before they are read for the first time
        service = make_service({name: load(name) for name in files})
        server = ServerThread(
            make_app(
                service,
                token=config.token,
                is_local=config.is_local and not (config.token or config.open),
            ),
            listener,
            service.limits,
            certificate=config.certificate,
            key=config.key,
        )

        def replace(name: str, model: ServedModel) -> None:
            server.call(lambda: service.models.replace(name, model))

        server.start()
        try:
            _tell(config, listener.getsockname(), list(files))
            while server.is_running and not is_to_end.wait(LOOK_SECONDS):
                if config.reload:
                    reloader.look(replace)
        finally:
            server.stop()
            service.models.close()


def _load(file: Path, config: ServeConfig, engine: "Engine | None") -> ServedModel:
    # Imported here, as an exported file needs no torch.
    if is_exported(file):
        from torch_inception.service.exported_model import ExportedModel

        return ExportedModel.load(file)
    check_torch_pair()
    from torch_inception.service.classifier_model import ClassifierModel

    return ClassifierModel.load(file, weights=config.weights, device=config.device, engine=engine)


def named_files(runs: Sequence[str]) -> dict[str, Path]:
    """Return the files of models by the names of their folders, made distinct."""
    files: dict[str, Path] = {}
    for run in runs:
        path = Path(expand_home("run", run))
        file = path / MODEL_FILE if path.is_dir() else path
        # JSON and Prometheus take text only, and names of files may be any bytes.
        name = file.absolute().parent.name.encode("utf-8", "replace").decode()
        number = 1
        while (numbered := name if number == 1 else f"{name}-{number}") in files:
            number += 1
        files[numbered] = file
    return files


def _tell(config: ServeConfig, listens_at: tuple[str, int], names: Sequence[str]) -> None:
    number, port = listens_at[:2]
    # Nobody can open 0.0.0.0, which stands for all addresses of this machine.
    is_at_all = ipaddress.ip_address(number).is_unspecified
    host = socket.gethostname() if is_at_all else config.host
    host = f"[{host}]" if ":" in host else host
    address = f"{'https' if config.certificate else 'http'}://{host}:{port}"
    token = " --header 'Authorization: Bearer TOKEN'" if config.token else ""
    log.info("models: %s", listed(names, NAMES_SHOWN))
    log.info("page: %s/%s", address, "#token=TOKEN" if config.token else "")
    log.info("ask: curl%s --data-binary @image.jpg %s/predict", token, address)
    log.info("Ctrl-C ends the server.")
