"""Draw `rate.svg`, the rate of a bulk run under a limit that it was not told: `python docs/pictures/rate.py`.

It makes a real run of 70 seconds: a served sandbox that takes 20 calls in any second, real HTTP, the machine's clock.
What the service's ledger says of it goes into `rate.json`; `--draw` draws from that again and makes no run.
"""

import json
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any, Final

import anyio
from drawing import BLUE, INK, ORANGE, Picture, axis_below, axis_left, scale

from joinme_async import CoolDownOpened, Event, JoinMe, NewMeeting, Transport
from joinme_async.bulk import schedule_all
from joinme_async.sandbox import Sandbox

Facts = dict[str, Any]

ROWS, LIMIT, LATENCY = 1330, 20, 0.05
HERE: Final = Path(__file__).parent


def rows(number: int, after: datetime) -> list[NewMeeting]:
    """Return so many meetings of a morning a month later."""
    start = after.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=30)
    return [NewMeeting(f"Meeting {n}", start, start + timedelta(hours=1), ["a@example.com"]) for n in range(number)]


async def run(sandbox: Sandbox, number: int, *, url: str, transport: Transport | None = None) -> Facts:
    """Schedule so many rows with a client that is told no limit, and return what the ledger and the client say of it.

    All times are seconds since the first request: of the calls `taken` and `refused`, of each pause that the service
    asked for, and of each pace that the client learnt, in calls a second.
    """
    pauses: list[datetime] = []
    paces: list[tuple[datetime, float]] = []

    def note(event: Event) -> None:
        now = sandbox.clock.wall()
        if isinstance(event, CoolDownOpened):
            pauses.append(now)
        learned = joinme.limiter.snapshot().learned
        pace = round(learned.calls / learned.per, 2) if learned is not None else 0.0
        if pace != (paces[-1][1] if paces else 0.0):
            paces.append((now, pace))

    clock = sandbox.clock if transport is not None else None
    async with JoinMe(sandbox.token, transport=transport, on_event=note, clock=clock, base_url=url) as joinme:
        report = await schedule_all(joinme, rows(number, sandbox.clock.wall()))
    first = sandbox.ledger[0].at

    def since(moment: datetime) -> float:
        return round((moment - first).total_seconds(), 3)

    return {
        "rows": number,
        "scheduled": len(report.scheduled),
        "taken": [since(entry.at) for entry in sandbox.ledger if entry.status < 400],  # noqa: PLR2004
        "refused": [since(entry.at) for entry in sandbox.ledger if entry.status == 403],  # noqa: PLR2004
        "pauses": [since(moment) for moment in pauses],
        "paces": [[since(moment), pace] for moment, pace in paces],
    }


async def measure() -> Facts:
    """Make the real run."""
    sandbox = Sandbox(per_second=LIMIT, latency=LATENCY)
    async with sandbox.serve() as url:
        return {"limit": LIMIT, **await run(sandbox, ROWS, url=url)}


SECOND: Final = 0.999  # times are rounded to a thousandth


def counts_of(taken: Sequence[float]) -> list[int]:
    """Return for each call that was taken how many were in the second that ends with it, itself included."""
    return [number - bisect_right(taken, moment - SECOND) + 1 for number, moment in enumerate(taken)]


LEFT, RIGHT = 44, 884
BEGINNING: Final = 4.0  # seconds that are shown larger
Place = Callable[[float], float]


def draw(facts: Facts) -> str:
    """Return the picture of a run."""
    limit, paces, taken = facts["limit"], facts["paces"], facts["taken"]
    first, tried, beyond = (f"{pace:g}" for _, pace in paces[:3])
    picture = Picture(
        900,
        516,
        "The rate of a bulk run under a limit that it was not told",
        f"Each call of the run over time, as high as the number of calls in the second up to it; the service takes "
        f"{limit}. At first a burst is refused. All calls pause, and go on at {first} a second. After half a minute "
        f"without a refusal the run tries {tried} a second, and half a minute later {beyond}, which is refused and "
        "taken back.",
    )
    end = ceil(taken[-1])
    x, y = scale(0, BEGINNING, LEFT, RIGHT), scale(0, 43, 236, 40)
    picture.text((LEFT - 30, 22), "The first four seconds", bold=True)
    picture.note((RIGHT, 22), "height: calls in the second up to it", anchor="end")
    picture.dot((470, 18), 3, BLUE)
    picture.note((480, 22), "a call taken")
    picture.cross((574, 18), 3.4, ORANGE)
    picture.note((584, 22), "refused")
    _draw_panel(picture, facts, (x, y), BEGINNING, [n / 2 for n in range(9)])
    burst = [moment for moment in facts["refused"] if moment < BEGINNING]
    after = next(moment for moment in taken if moment > burst[-1])
    picture.note(
        (x(burst[-1]) + 14, y(35)), f"a burst: {limit} are taken,\nthe other {len(burst)} refused", fill=ORANGE
    )
    picture.note((x(burst[-1]) + 14, y(10)), "a pause of a second,\nas the service asked")
    picture.line([(x(burst[-1]) + 4, y(4)), (x(after) - 6, y(4))], tip=True)
    picture.note((x(after + 1), y(11)), f"then evenly, at {first} a second:\n0.95 of what went through", fill=BLUE)
    picture.note(
        (RIGHT, y(limit) - 8), f"the limit, {limit} in any second: the client is not told", anchor="end", fill=INK
    )

    x, y = scale(0, end, LEFT, RIGHT), scale(0, 43, 480, 320)
    picture.text((LEFT - 30, 300), "The whole run", bold=True)
    _draw_panel(picture, facts, (x, y), end, range(0, end + 1, 10))
    _explain_paces(picture, facts, x, y(27))
    return picture.svg()


def _draw_panel(
    picture: Picture, facts: Facts, place: tuple[Place, Place], until: float, ticks: Sequence[float]
) -> None:
    """Draw the calls until then: those taken as dots, those refused as crosses above the limit."""
    x, y = place
    limit, refused = facts["limit"], facts["refused"]
    axis_left(picture, y, (0, 10, 20, 30, 40), LEFT, RIGHT)
    picture.line([(LEFT, y(limit)), (RIGHT, y(limit))], stroke=INK, dash="6 4")
    taken = [moment for moment in facts["taken"] if moment <= until]
    radius = 3 if until == BEGINNING else 1.4
    picture.dots([(x(at), y(count)) for at, count in zip(taken, counts_of(taken), strict=True)], radius, BLUE)
    for number, moment in enumerate(refused):
        above = number - bisect_right(refused, moment - 1) + 1  # of the last second, as with those taken
        if moment <= until:
            picture.cross((x(moment), y(limit + above)), radius / 2 + 1.9, ORANGE, width=radius / 4 + 0.9)
    axis_below(picture, x, ticks, (RIGHT, y(0)), "s")


def _explain_paces(picture: Picture, facts: Facts, x: Place, y: float) -> None:
    """Write above the calls at which pace they were meant to go."""
    (learnt, first), (raised, tried), (beyond, further), (back, held) = facts["paces"]
    for begun, ended, words in (
        (learnt, raised, f"held at {first:g} a second"),
        (raised, beyond, f"30 s without a refusal: {tried:g}"),
    ):
        left, right = x(begun) + 5, x(ended) - 3
        picture.line([(left, y + 6), (left, y), (right, y), (right, y + 6)])
        picture.note(((left + right) / 2, y - 7), words, anchor="middle", fill=INK)
    picture.note((RIGHT, y - 42), f"30 s more: {further:g} is refused at once,", anchor="end", fill=ORANGE)
    picture.note((RIGHT, y - 26), f"and taken back to {held:g}", anchor="end", fill=ORANGE)
    picture.line([(x(back), y - 20), (x(back), y + 17)], stroke=ORANGE, tip=True)


if __name__ == "__main__":
    if "--draw" not in sys.argv:
        HERE.joinpath("rate.json").write_text(json.dumps(anyio.run(measure)) + "\n", encoding="utf-8")
    told = json.loads(HERE.joinpath("rate.json").read_text(encoding="utf-8"))
    HERE.joinpath("rate.svg").write_text(draw(told), encoding="utf-8")
