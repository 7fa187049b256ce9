"""Where kept batches lie, as the settings say: the spool, opened, and how it is encrypted."""

from pathlib import Path

from edge_agent.events import Log
from edge_agent.settings import Settings
from edge_agent.spool.at_rest import AtRest
from edge_agent.spool.key_sources import KeyFile, WrappedKey
from edge_agent.spool.segments import SegmentSpool
from edge_agent.spool.workload import WorkloadApi


async def spool_of(settings: Settings, log: Log) -> SegmentSpool:
    """The spool, recovered. Raises SpoolUnusable."""
    return await SegmentSpool.open(
        settings.data_folder / "spool",
        cap_bytes=settings.spool_cap_bytes,
        min_free_bytes=settings.spool_min_free_bytes,
        memory_bytes=settings.spool_memory_bytes,
        at_rest=_at_rest(settings, log),
        log=log,
    )


def _at_rest(settings: Settings, log: Log) -> AtRest:
    match settings.spool_encryption, settings.spool_key_file:
        case "file", Path() as path:
            return AtRest(KeyFile(path))
        case "workload", _:
            daemon = WorkloadApi(
                settings.workload_uri, settings.workload_api_version, settings.module, settings.module_generation
            )
            return AtRest(WrappedKey(settings.data_folder / "spool.key", daemon, log))
    return AtRest()
