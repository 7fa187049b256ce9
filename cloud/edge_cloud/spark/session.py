"""Spark where the job runs: the platform's own session, or one of this machine alone."""

import os
import sys
import tempfile
from typing import Final

from pyspark.sql import SparkSession

_CHUNK_ROWS: Final = "64"
"""A payload has about a thousand samples and up to 900 KB of JSON."""


def platform_session() -> SparkSession:
    """The session that Databricks, Fabric or Synapse has made."""
    return _set(SparkSession.builder.getOrCreate())


def desk_session(cores: int) -> SparkSession:
    """A session of this process: on the loopback only, without a UI, its own files in a temporary folder."""
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    here = tempfile.mkdtemp(prefix="edge-cloud-spark-")
    builder = SparkSession.builder.master(f"local[{cores}]").appName("edge-cloud")
    for name, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": f"{here}/warehouse",
        "spark.local.dir": here,
        "spark.sql.shuffle.partitions": str(cores),
        "spark.driver.memory": "2g",
        # The gold queries have some hundred stages: a desk pays more for planning and compiling them than for rows.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.adaptive.enabled": "false",
        "spark.log.level": "ERROR",
    }.items():
        builder = builder.config(name, value)
    return _set(builder.getOrCreate())


def _set(spark: SparkSession) -> SparkSession:
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", _CHUNK_ROWS)
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    return spark
