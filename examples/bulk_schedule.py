"""Schedule the meetings of a file, each once. Killed at any moment: run it again, and it goes on.

JOINME_ACCESS_TOKEN=... python examples/bulk_schedule.py june.csv
"""

import asyncio
import sys
from collections.abc import Iterable

from joinme_async import InvalidRowsError, JoinMe, JoinMeError, RateLimit
from joinme_async.bulk import Progress, Row, read_meetings, schedule_all


def show(progress: Progress) -> None:
    """Rewrite one line on stderr."""
    waits = f", waits: {progress.waiting}" if progress.waiting else ""
    line = f"{progress.phase}: {progress.done} of {progress.total or '?'} done, {progress.failed} failed{waits}"
    print(f"\r{line:<78}", end="", file=sys.stderr, flush=True)


async def run(meetings: Iterable[Row], journal: str) -> int:
    """Schedule them, and return the exit code: 0 where every row is done."""
    async with JoinMe(rate_limit=RateLimit(20)) as joinme:  # what your key allows
        report = await schedule_all(joinme, meetings, journal=journal, on_progress=show)
    print(file=sys.stderr)
    for outcome in (*report.failed, *report.in_doubt):
        print(f"{outcome.key}\t{outcome.state}\t{outcome.row.meeting.name}\t{outcome.error}")
    print(report.summary, file=sys.stderr)
    if report.stopped is not None:
        when = f"at {report.resume_at}" if report.resume_at else "when that is mended"
        print(f"stopped: {report.stopped}; go on {when}", file=sys.stderr)
    return 0 if report.is_complete else 1


def main(file: str) -> int:
    """Check the file, then schedule its meetings."""
    try:
        meetings = read_meetings(file, timezone="Europe/London")  # the zone of times that have none
        return asyncio.run(run(meetings, journal=f"{file}.journal"))
    except InvalidRowsError as error:
        print(*error.rows, sep="\n", file=sys.stderr)
    except JoinMeError as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit("interrupted: run it again, and it goes on")
