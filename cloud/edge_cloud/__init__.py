"""The cloud half: from batches to answers. Nothing here imports the agent; golden batches tie the two."""

__version__ = "0.1.0"
