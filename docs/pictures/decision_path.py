"""Draw `decision-path.svg`, the path of a call: `python docs/pictures/decision_path.py`.

What it says of an outcome is what the rules of the retry layer answer when they are asked, and what it says of `ensure`
is what a client did over the sandbox; where they say something that the picture has no words for, it is not drawn.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from drawing import Picture

from joinme_async import (
    UNSET,
    AttemptStarted,
    Event,
    JoinMe,
    JoinMeError,
    NewMeeting,
    OutcomeUnknownError,
    RateLimit,
    Response,
    RetryPolicy,
    Timeout,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
    WaitStarted,
)
from joinme_async._http import Secret
from joinme_async._models import Changes
from joinme_async._retry._decide import Accept, GiveUp, SendAgain, Situation, Why, decide, outcome_of
from joinme_async._retry._pacing import Pacer
from joinme_async._wire import Call, delete_call, get_call, schedule_call, update_call
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock

NOW: Final = datetime(2027, 6, 2, 8, tzinfo=UTC)
NEW: Final = NewMeeting("Weekly", NOW + timedelta(hours=1), NOW + timedelta(hours=2), ["a@example.com"])
CALLS: Final[dict[str, Call[Any]]] = {
    "GET": get_call(1),
    "PATCH": update_call(1, Changes("Follow up", UNSET, UNSET, Secret(UNSET), UNSET)),
    "DELETE": delete_call(1),
    "POST": schedule_call(NEW),
}
POLICY: Final = RetryPolicy()


def _gateway(code: str) -> Response:
    return Response(403, {"X-Mashery-Error-Code": f"ERR_403_DEVELOPER_{code}", "Retry-After": "3"})


# What may come of an attempt, by the words of the picture.
HAPPENED: Final[dict[str, Response | JoinMeError]] = {
    "not sent": TransportError("refused", request_sent=False),
    "lost": TransportError("no answer"),
    "cut": TransportError("the connection ended inside the answer"),
    "late": TransportTimeoutError("no answer in time"),
    "unreadable": UnexpectedResponseError("cut", status=200),
    "403 OVER_QPS": _gateway("OVER_QPS"),
    "403 OVER_RATE": _gateway("OVER_RATE"),
    "403 stale token": Response(403, {}, b'{"ErrorCode": "stale_token", "Message": "no"}'),
    **{f"{status}": Response(status) for status in range(300, 600)},
}


METHODS: Final = tuple(CALLS)
REPEATABLE: Final = ("GET", "PATCH", "DELETE")


def decided(method: str, what: str, **more: Any) -> SendAgain | GiveUp:  # noqa: ANN401  facts of a situation
    """Return what the rules say of an outcome, of a first attempt with a minute left unless `more` says otherwise."""
    facts: dict[str, Any] = {"tried": 1, "left": 60.0, "chance": 0.5, **more}
    step = decide(CALLS[method], outcome_of(HAPPENED[what], NOW), POLICY, Situation(**facts))
    if isinstance(step, Accept):
        raise SystemExit(f"the picture has no words for an error that is accepted: {what} after {method}")
    return step


def follows(method: str, what: str) -> str:
    """Return in a word what follows from an outcome."""
    step = decided(method, what)
    if isinstance(step, SendAgain):
        return step.why.value
    return "unknown" if isinstance(step.error, OutcomeUnknownError) else "error"


def _hold(is_so: bool, what: str) -> None:  # noqa: FBT001  the one thing that it is told
    if not is_so:
        raise SystemExit(f"the picture has no words for this any more: {what}")


def said(causes: Iterable[str]) -> str:
    """Return outcomes in few words: a family of statuses where all of it is there, neighbours in one."""
    words = [what for what in causes if not what.isdecimal()]
    statuses = {int(what) for what in causes if what.isdecimal()}
    whole = [family for family in (300, 400, 500) if statuses >= set(range(family, family + 100))]
    left = sorted(status for status in statuses if status // 100 * 100 not in whole)
    runs: list[list[int]] = []
    for status in left:
        if runs and runs[-1][-1] == status - 1:
            runs[-1].append(status)
        else:
            runs.append([status])
    numbers = [f"{run[0]}" if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]  # noqa: RUF001  a range
    numbers += [f"{family // 100}xx" for family in whole]
    return ", ".join([*(word for word in words if word.isalpha()), *numbers, *(w for w in words if not w.isalpha())])


def rows() -> list[tuple[str, str, str]]:
    """Return what may happen, what follows, and of which kind that is."""
    known = {(method, what): follows(method, what) for method in METHODS for what in HAPPENED}
    refused, renewed, unsent, passing, doubted = (
        [what for what in HAPPENED if {known[method, what] for method in methods} == {word}]
        for methods, word in (
            (METHODS, "refused"),
            (METHODS, "token"),
            (METHODS, "back-off"),
            (REPEATABLE, "back-off"),
            (("POST",), "unknown"),
        )
    )
    passing = [what for what in passing if what not in unsent]
    common = {*refused, *renewed, *unsent}
    rest = {
        (method, what): word
        for (method, what), word in known.items()
        if what not in common and what not in (doubted if method == "POST" else passing)
    }
    _hold(rest.pop(("GET", "unreadable")) == "back-off", "a GET that cannot be read")  # once; there is no room for it
    _hold(set(rest.values()) == {"error"}, "the rest")
    families = sorted({f"{what[0]}xx" for _, what in rest if what.isdecimal()})
    _hold(unsent == ["not sent"] and families == ["3xx", "4xx", "5xx"], "what did not leave, and the rest")
    back_off = f"back-off\nwithin {_bounds([('POST', what) for what in unsent] + [('GET', what) for what in passing])}"
    return [
        (
            f"refused before any work\n{said(refused).replace(', 403 OVER_RATE', ', OVER_RATE')}",
            _pause(refused),
            "wait",
        ),
        (said(renewed), _renewal(renewed), "wait"),
        ("the request did not leave", back_off, "wait"),
        (f"{said(passing)}\nafter {', '.join(REPEATABLE)}", back_off, "wait"),
        (f"any other {', '.join(families)}", "its error", "bad"),
        (f"{said(doubted)}\nafter POST", "OutcomeUnknownError\nschedule() ends here", "bad"),
    ]


def _pause(refused: Iterable[str]) -> str:
    """Return what follows from a refusal, which neither attempts nor the budget bound."""
    for what in refused:
        signals = outcome_of(HAPPENED[what], NOW).signals
        pacer = Pacer()
        if signals is not None:
            pacer.observe(signals, 0.0)
        step = decided("POST", what, tried=1000, affordable=False)
        _hold(isinstance(step, SendAgain) and pacer.opens() == step.after > 0, f"the pause after {what}")
    return "wait for what it asked\nall calls pause"


def _renewal(renewed: Iterable[str]) -> str:
    """Return what follows from a token that is refused: once, and no more."""
    _hold(all(isinstance(decided("GET", what, token_renewed=True), GiveUp) for what in renewed), "a second new token")
    return "once more\nwith a new token"


def _bounds(again: Iterable[tuple[str, str]]) -> str:
    """Return what bounds the repeats, besides the deadline."""
    facts: dict[str, dict[str, Any]] = {"attempts": {"tried": POLICY.attempts}, "budget": {"affordable": False}}
    cases = list(again)
    bounds = [b for b, more in facts.items() if all(isinstance(decided(*case, **more), GiveUp) for case in cases)]
    return " and ".join(bounds)


def no_wait_outlives_the_deadline() -> bool:
    """Say whether a wait that is as long as what is left is not begun, whatever it is for."""
    waits = [
        (method, what, step.after)
        for method in METHODS
        for what in HAPPENED
        if isinstance(step := decided(method, what), SendAgain) and step.why is not Why.TOKEN
    ]
    return all(isinstance(decided(method, what, left=after), GiveUp) for method, what, after in waits)


async def stages() -> list[str]:
    """Return what a call waits for until its request leaves, in this order, where it has to wait for everything."""
    clock = FakeClock(NOW)
    sandbox = Sandbox(clock=clock, latency=1)
    seen: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, WaitStarted | AttemptStarted):
            seen.append(event.why if isinstance(event, WaitStarted) else "request")

    async def slow_token(*, refused: str | None) -> str:  # noqa: ARG001  none is
        await clock.sleep(0.1)
        return sandbox.token

    transport = sandbox.transport(concurrency=1)
    async with (
        JoinMe(slow_token, transport=transport, rate_limit=RateLimit(1, per=5), clock=clock) as joinme,
        anyio.create_task_group() as group,
    ):
        group.start_soon(joinme.meetings.list)
        await clock.sleep(0.5)
        await joinme.with_options(on_event=note).meetings.list()
    return seen


async def ensured(*faults: Fault) -> list[str]:
    """Return what `ensure` does, step by step, where the faults strike its requests to schedule; and how it ends."""
    clock = FakeClock(NOW)
    sandbox = Sandbox(clock=clock)
    sandbox.plant(*faults, on="POST")
    seen: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, AttemptStarted) and (event.method, event.path) != ("GET", "/meetings/10001"):
            seen.append("send" if event.method == "POST" else "look")
        elif isinstance(event, WaitStarted):
            seen.append(event.why)

    async with JoinMe(
        sandbox.token, transport=sandbox.transport(), clock=clock, on_event=note, timeout=Timeout(600)
    ) as joinme:
        try:
            await joinme.meetings.ensure(NEW)
        except OutcomeUnknownError:
            return [*seen, "unknown"]
    return [*seen, f"{len(sandbox.meetings)} there"]


def strip() -> list[tuple[str, str]]:
    """Return what `ensure` does where an answer was lost, and the kind of each step."""
    lost, in_vain = Fault.lose(), Fault.lose(done=False)
    look_after = ["settle", "look"]
    found, again, given_up = (anyio.run(partial(ensured, *faults)) for faults in ([lost], [in_vain], [in_vain] * 2))
    _hold(found == ["look", "send", *look_after, "1 there"], f"ensure: {found}")
    _hold(again == ["look", "send", *look_after * 2, "send", "1 there"], f"ensure: {again}")
    _hold(given_up == ["look", *["send", *look_after * 2] * 2, "unknown"], f"ensure: {given_up}")
    return [
        ("settle, then list\nit is there: found", "good"),
        ("not there\nsettle, list once more", "step"),
        ("not there, twice\nsend it again, once", "step"),
        ("OutcomeUnknownError\nwhere nothing is proven", "bad"),
    ]


STAGES: Final = {
    "token": "token",
    "connection": "connection",
    "rate limit": "permit\n(rate limit)",
    "request": "request",
}
WIDTH, HEIGHT = 900, 600
COLUMN, TRUNK, CAUSE, RESULT, BACK = 20, 200, 222, 582, 882
TALL, PITCH, TOP = 48, 63, 38


def draw() -> str:
    """Return the whole picture."""
    table, steps = rows(), strip()
    picture = Picture(
        WIDTH,
        HEIGHT,
        "The path of a call",
        "A call takes a token, a connection, a permit, and sends its request. What follows: "
        + "; ".join(f"{cause}: {result}".replace("\n", ", ") for cause, result, _ in table)
        + ". After an OutcomeUnknownError ensure() goes on: "
        + "; ".join(words.replace("\n", ", ") for words, _ in steps)
        + ".",
    )
    before = anyio.run(stages)
    for number, stage in enumerate(before):
        y = TOP + number * 76
        picture.box((COLUMN, y), (144, TALL), STAGES[stage])
        if number:
            picture.line([(COLUMN + 72, y - 76 + TALL), (COLUMN + 72, y - 2)], tip=True)
    request = TOP + (len(before) - 1) * 76 + TALL / 2
    last = TOP + len(table) * PITCH + TALL / 2
    picture.line([(COLUMN + 144, request), (TRUNK, request)])
    picture.line([(TRUNK, TOP + TALL / 2), (TRUNK, last)])
    for number, (cause, result, kind) in enumerate([("a 2xx that can be read", "the result", "good"), *table]):
        y = TOP + number * PITCH
        middle = y + TALL / 2
        picture.line([(TRUNK, middle), (CAUSE - 2, middle)], tip=True)
        picture.box((CAUSE, y), (332, TALL), cause)
        picture.line([(CAUSE + 332, middle), (RESULT - 2, middle)], tip=True)
        picture.box((RESULT, y), (280, TALL), result, kind)
        if kind == "wait":
            picture.line([(RESULT + 280, middle), (BACK, middle)])
            lowest = middle
    picture.line([(BACK, lowest), (BACK, 16), (COLUMN + 72, 16), (COLUMN + 72, TOP - 2)], tip=True)
    _hold(no_wait_outlives_the_deadline(), "a wait that does not fit the deadline")
    picture.note(
        (COLUMN + 2, request + 60), "A wait that does not\nfit the deadline is\nnot begun: the call\nfails at once."
    )
    _draw_strip(picture, steps, last + TALL / 2)
    return picture.svg()


def _draw_strip(picture: Picture, steps: Sequence[tuple[str, str]], high: float) -> None:
    """Draw what `ensure` does below the table that ends at `high`."""
    gap = 24
    turn, top = high + 30, high + 50
    picture.line([(RESULT + 140, high), (RESULT + 140, turn), (COLUMN + 72, turn), (COLUMN + 72, top - 2)], tip=True)
    picture.note((COLUMN + 84, turn - 8), "ensure() goes on, and finds out:")
    for number, (words, kind) in enumerate(steps):
        x, wide = COLUMN + number * (190 + gap), 220 if number == len(steps) - 1 else 190
        picture.box((x, top), (wide, TALL), words, kind)
        if number:
            picture.line([(x - gap, top + TALL / 2), (x - 2, top + TALL / 2)], tip=True)


if __name__ == "__main__":
    logging.disable()  # doubts are what it is about
    Path(__file__).with_name("decision-path.svg").write_text(draw(), encoding="utf-8")
