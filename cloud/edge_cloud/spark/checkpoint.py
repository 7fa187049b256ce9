"""Where a stream keeps how far it is, as a kill leaves it."""

import logging
import re
from typing import Final

from pyspark.sql import SparkSession

_UNFINISHED: Final = re.compile(r"\.\d+\.[0-9a-f-]{36}\.tmp")
"""Spark's name for an offset that is being written: it is renamed when it is whole."""

_log = logging.getLogger("edge_cloud.ingest")


def drop_unfinished_start(spark: SparkSession, checkpoint: str) -> None:
    """Take away what a kill left of a stream's first offset, before the stream starts; a finished offset keeps all.

    Spark since 4.1 (SPARK-53103) starts without a finished offset only where `offsets` is empty, and its own unfinished
    file is enough for STATE_STORE_CHECKPOINT_LOCATION_NOT_EMPTY at each start from then on. Nothing is lost with the
    file: no micro-batch runs before its offset is finished. Whatever else is in the way stays, for Spark to refuse:
    where offsets were deleted numbers begin at 0 again, and `Commits` would take new micro-batches for old ones.
    """
    # PySpark has no other way to the file systems that a checkpoint's URL may name, with the session's credentials.
    folder = spark._jvm.org.apache.hadoop.fs.Path(checkpoint, "offsets")  # noqa: SLF001
    files = folder.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())  # noqa: SLF001
    left = [entry.getPath() for entry in files.listStatus(folder)] if files.exists(folder) else []
    if left and all(_UNFINISHED.fullmatch(path.getName()) for path in left):
        for path in left:
            files.delete(path, False)  # noqa: FBT003  Java knows no keywords
        _log.info("an earlier start was killed while it wrote its first offset; this one begins anew")
