"""A cluster that is connected to once, when there is something to compute."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch_inception.features.cluster.ray_cluster import RayCluster


class Connection:
    """Connects when the cluster is first asked for, and keeps it until it is closed.

    Args:
        address: "auto", "local" or HOST:PORT.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._stack = ExitStack()
        self._cluster: RayCluster | None = None

    def cluster(self, *, needs_gpu: bool) -> "RayCluster":
        """Return the cluster.

        Args:
            needs_gpu: whether an actor is given a GPU, not a CPU slot.

        Raises:
            InstallationError: Ray is not there.
            ClusterError: the cluster does not answer, refuses, or has no free slot.
        """
        if self._cluster is None:
            # Slow to import, and not needed where nothing is missing.
            from torch_inception.features.cluster.ray_cluster import connected

            self._cluster = self._stack.enter_context(connected(self._address, needs_gpu=needs_gpu))
        return self._cluster

    def close(self) -> None:
        """Leave the cluster, if it was asked for."""
        self._cluster = None
        self._stack.close()
