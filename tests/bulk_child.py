"""A process to be killed: schedules rows over real HTTP with a journal on a real disk, and prints what the report says.

Arguments, as one JSON object: url, token, journal, rows, start (ISO), and optionally filesize (a limit in bytes).
"""

import json
import resource
import sys
from datetime import datetime, timedelta

import anyio

from joinme_async import JoinMe, JournalError, NewMeeting, RetryPolicy, Timeout
from joinme_async.bulk import schedule_all

SETTLE = 0.25
ATTEMPT = 0.6


def row(number: int, start: datetime) -> NewMeeting:
    begin = start + timedelta(minutes=10 * (number // 2))
    name = f"Meeting {number // 3 if number % 3 else number}"  # some are equal
    return NewMeeting(name, begin, begin + timedelta(hours=1), ["a@example.com"])


def rows(number: int, start: datetime) -> list[NewMeeting]:
    return [row(index, start) for index in range(number)]


async def main(given: dict) -> int:
    retry, timeout = RetryPolicy(settle=SETTLE, base=0.05, cap=0.2), Timeout(10, ATTEMPT)
    async with JoinMe(given["token"], base_url=given["url"], retry=retry, timeout=timeout) as joinme:
        wanted = rows(given["rows"], datetime.fromisoformat(given["start"]))
        try:
            report = await schedule_all(joinme, wanted, journal=given["journal"], stop_after=1000)
        except JournalError as error:
            print(json.dumps({"error": str(error)}))
            return 1
    in_doubt = [[outcome.key, str(outcome.error)] for outcome in report.in_doubt]
    ids = [outcome.meeting_id for outcome in (*report.scheduled, *report.adopted)]
    counts = {"ids": ids, "in_doubt": in_doubt, "failed": len(report.failed), "not_started": len(report.not_started)}
    print(json.dumps({**counts, "surplus": len(report.surplus), "stopped": str(report.stopped or "")}))
    return 0 if report.is_complete else 3


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    if "filesize" in told:
        resource.setrlimit(resource.RLIMIT_FSIZE, (told["filesize"], told["filesize"]))
    sys.exit(anyio.run(main, told))
