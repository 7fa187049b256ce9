"""A dry run's report as a table to read. Pure."""

from collections.abc import Sequence

from edge_agent.desk.dry_run_report import DAYS_A_MONTH, Figures, Report, RuleReport, no_sample_of

HEADINGS = (
    ("", "", "", "", "", "bytes a", "4 KB", "", "MB a", "blocks a", "lost"),
    ("rule", "prio", "in", "kept", "bytes", "sample", "blocks", "messages", "month", "month", "offline"),
)
MEBIBYTE = 1 << 20


def table(report: Report) -> str:
    """Lines of at most some 120 characters, without colours; what needs saying stands beneath."""
    rows = [_cells(one.rule, str(one.priority), one.figures, _lost(one, report)) for one in report.rules]
    rows.append(_cells("total", "", report.total, ""))
    lines = [_read(report), "", *_aligned([*HEADINGS, *rows]), "", *_use(report)]
    rules_of: dict[str, list[str]] = {}
    for one in report.rules:
        for remark in one.remarks:
            rules_of.setdefault(remark, []).append(one.rule)
    lines += (f"{', '.join(rules)}: {remark}" for remark, rules in rules_of.items())
    if report.silent_in_conditions:
        lines.append(f"conditions: {no_sample_of(report.silent_in_conditions)}, what hangs on it never happens")
    return "\n".join(lines)


def _cells(name: str, priority: str, figures: Figures, lost: str) -> tuple[str, ...]:
    return (
        name,
        priority,
        f"{figures.samples_in:,}",
        f"{figures.samples_kept:,}",
        f"{figures.payload_bytes:,}",
        _number(figures.bytes_a_sample, ".2f"),
        f"{figures.blocks_4kb:,}",
        f"{figures.messages:,}",
        _number(figures.payload_mb_a_month, ",.1f"),
        _number(figures.blocks_4kb_a_month, ",d"),
        lost,
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def _lost(rule: RuleReport, report: Report) -> str:
    if rule.lost_offline_days is None:
        return "-"
    if not rule.figures.lost_offline_bytes:
        return "nothing"
    return f"{rule.lost_offline_days:.1f} of {report.use.offline_days:g} days"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _read(report: Report) -> str:
    log = report.log
    decoded = sum(counts.decoded for _, counts in log.buses)
    return (
        f"{log.path}: {log.drive_s:,.1f} s, {log.frames:,} frames, {decoded:,} decoded, "
        f"{log.samples:,} samples of the rules' signals"
    )


def _use(report: Report) -> list[str]:
    use = report.use
    full = report.spool_full_after_days
    holds = "holds it all" if full is None else f"is full after {full:g} days"
    lines = [
        f"a month is {DAYS_A_MONTH} days of {use.hours_a_day:g} h, in drives as long as this log; IoT Hub meters blocks"
    ]
    if report.log.drive_s:
        cap = f"{use.spool_cap_bytes / MEBIBYTE:,.0f} MiB"
        lines.append(f"offline for {use.offline_days:g} days, a spool of {cap} {holds}")
    else:
        lines.append("this log is no time long: nothing follows from it for a month")
    if use.budgeted:
        lines.append("the budget is not reckoned with: what it holds back waits in the spool, as when offline")
    return lines
