"""The pass on a Ray cluster: rows are computed by many machines, and kept in Parquet files.

Ray only fills what is there without it. Nothing here is imported without `--cluster` or `--shards`.

object_store  folders of object stores: what is in them, bytes out
shard_folders folders for shards, on disks and in object stores: whole files in and out
listing       what there is to compute: names, states and labels of files, and views
shards        the Parquet files: their columns, written whole, checked when they are read
missing       which rows the shards have already, and which are out of date
blocks        the rows of one shard: what an actor is given, and what it answers
shard_actor   computes a block on some machine, and writes its shard
ray_cluster   Ray: the only module that imports it
ray_messages  what Ray says of a failure, in a line for users
connection    a cluster, from when it is first needed until it is closed
cluster_pass  all of that in order: leaves out, computes, tells
take_over     rows of shards into the local cache
fill_cache    what `train --cluster` does before its pass: rows and views into the local cache
write_rows    what the command `features` does: a folder of images to shards
"""

from importlib.util import find_spec

from torch_inception.errors import InstallationError

_LACKING = [name for name in ("pyarrow", "ray") if find_spec(name) is None]
if _LACKING:
    raise InstallationError(
        f"--cluster and --shards need {' and '.join(_LACKING)}, not installed here. Install the "
        'extra: pip install ".[cluster]".'
    )
