"""The door to matplotlib, which is an extra (`edge-agent[plot]`): raw against kept, a panel a signal."""

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.desk.dry_run_traces import KeptTrace, Points, Trace
from edge_agent.errors import FileRefused
from edge_agent.records import F64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMS = (".png", ".svg")
WIDTH_IN, PANEL_IN = 10.0, 1.7
DPI = 72
NOTHING_DATED = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}
"""equal drives give equal files"""


def judge_plot(path: Path) -> None:
    """Whether a plot can be made there, before hours of log are read. Raises FileRefused."""
    if path.suffix.lower() not in FORMS:
        raise FileRefused(str(path), f"a plot ends in {' or '.join(FORMS)}")
    if find_spec("matplotlib") is None:
        raise FileRefused(str(path), "a plot needs matplotlib: pip install 'edge-agent[plot]'")


def draw(path: Path, traces: Sequence[Trace]) -> None:
    """Write the plot, PNG or SVG by its suffix; the same traces give the same bytes. Raises FileRefused."""
    judge_plot(path)
    if not any(len(trace.raw) for trace in traces):
        wanted = ", ".join(trace.name for trace in traces)
        why = f"no sample of {wanted} in this log" if wanted else "no signal of the rules changes in this log"
        raise FileRefused(str(path), f"nothing to plot: {why}")
    from matplotlib import rc_context  # noqa: PLC0415  an extra, and half a second

    form = path.suffix.lower()
    image = BytesIO()
    # Without a salt the ids in an SVG are random; texts as texts make it small, and can be searched.
    # In one piece a line of some 100,000 wild points is more than the renderer of a PNG can hold.
    with rc_context({"svg.hashsalt": "edge-agent", "svg.fonttype": "none", "agg.path.chunksize": 10_000}):
        _figure(traces).savefig(image, format=form[1:], metadata=NOTHING_DATED[form])
    try:
        path.write_bytes(image.getvalue())
    except OSError as error:
        raise FileRefused(str(path), f"cannot be written: {error.strerror or error}") from error


def _figure(traces: Sequence[Trace]) -> "Figure":
    from matplotlib.figure import Figure  # noqa: PLC0415  an extra

    figure = Figure(figsize=(WIDTH_IN, 0.7 + PANEL_IN * len(traces)), dpi=DPI, layout="constrained")
    panels = figure.subplots(len(traces), 1, sharex=True, squeeze=False)[:, 0]
    begin_ns = min(int(trace.raw.t_ns[0]) for trace in traces if len(trace.raw))
    for panel, trace in zip(panels, traces, strict=True):
        _draw(panel, trace, begin_ns)
    panels[-1].set_xlabel("s since the begin of the log")
    return figure


def _draw(panel: "Axes", trace: Trace, begin_ns: int) -> None:
    panel.set_title(trace.name, loc="left", fontsize="medium")
    panel.set_ylabel(trace.unit)
    raw = f"on the bus: {len(trace.raw):,}"
    panel.plot(_seconds(trace.raw, begin_ns), trace.raw.value, color="0.7", linewidth=1.0, label=raw)
    for number, kept in enumerate(trace.kept):
        _draw_kept(panel, kept, begin_ns, f"C{number}")
    panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)


def _draw_kept(panel: "Axes", kept: KeptTrace, begin_ns: int, color: str) -> None:
    told = "" if kept.aggregate == "last" else f" {kept.aggregate}"
    told += "" if kept.max_error is None else f" (within {kept.max_error:g})"
    panel.plot(
        _seconds(kept.points, begin_ns),
        kept.points.value,
        color=color,
        linewidth=0.8,
        # Straight lines are promised by an error bound alone; elsewhere a value is known to hold until the next one.
        drawstyle="default" if kept.max_error is not None else "steps-post",
        marker=".",
        markersize=4,
        label=f"{kept.rule}{told}: {kept.samples:,}",
    )


def _seconds(points: Points, begin_ns: int) -> F64:
    seconds: F64 = (points.t_ns - begin_ns) / 1e9
    return seconds
