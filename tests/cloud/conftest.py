"""The cloud half's tests run where its dependencies are: `make cloud`."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("deltalake") else ["edge_cloud"]
