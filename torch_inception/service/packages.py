"""The packages that serving needs, which are an extra."""

from torch_inception.system.extras import import_extra


def check_packages() -> None:
    """Do nothing if all of them are there.

    Raises:
        InstallationError: one is missing.
    """
    for package in ("starlette", "uvicorn", "python_multipart", "prometheus_client"):
        import_extra(package, extra="serve", needed_by="the server")
