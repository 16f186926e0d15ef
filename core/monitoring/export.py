"""What the Errors page shows, as a file for a spreadsheet."""

import csv
import io
from collections.abc import Sequence

from core.monitoring.rollups import BinCounts


def counts_csv(counts: Sequence[BinCounts]) -> str:
    """One line a bar: its time with offset, what succeeded and was canceled, and each class that occurred."""
    classes = sorted({name for each in counts for name in each.classes})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["from", "to", "succeeded", "canceled", "failed", *classes])
    for each in counts:
        start, end = each.bin.start.isoformat(), each.bin.end.isoformat()
        by_class = [each.classes.get(name, 0) for name in classes]
        writer.writerow([start, end, each.succeeded, each.canceled, each.failed, *by_class])
    return text.getvalue()
