"""What can go wrong that is the user's to mend: one base class, one kind a room.

Every message names the value, the cause and the next step. A command shows it as one line and
no traceback; everything that is not a `TorchInceptionError` is a mistake of ours and shows one.
"""


class TorchInceptionError(Exception):
    """Base of every error that a user can mend."""


class InstallationError(TorchInceptionError, ImportError):
    """A package that is needed is not installed, or does not fit the others."""


class ConfigError(TorchInceptionError):
    """A setting has a value that cannot be used."""


class ImageError(TorchInceptionError):
    """A file is not an image, or is not whole."""


class WeightsError(TorchInceptionError):
    """A set of network weights cannot be had or cannot be trusted."""


class DatasetError(TorchInceptionError):
    """The images of a folder, table or list cannot be trained on."""


class CacheError(TorchInceptionError):
    """The cache has no place, or cannot be opened, read or written."""


class ClusterError(TorchInceptionError):
    """A cluster cannot be reached or used, or shards cannot be."""


class ModelError(TorchInceptionError):
    """A saved model cannot be loaded, or does not fit the weights."""
