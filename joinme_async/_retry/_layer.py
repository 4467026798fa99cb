"""The driver of a call: token, slot, permit, send, decide, wait. The deciding is done in the pure files beside it."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from math import inf
from random import random
from typing import Any, Final, TypeVar

import attrs

from joinme_async._clock import Clock
from joinme_async._errors import (
    DeadlineExceededError,
    JoinMeError,
    QuotaExceededError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from joinme_async._events import (
    AttemptEnded,
    AttemptStarted,
    CoolDownClosed,
    CoolDownOpened,
    OutcomeUnknown,
    WaitStarted,
)
from joinme_async._http import Headers, Request, Response, Secret, Transport
from joinme_async._models import OutcomeUnknownError
from joinme_async._retry._decide import (
    Accept,
    Budget,
    GiveUp,
    Outcome,
    SendAgain,
    Situation,
    Why,
    decide,
    maybe_done,
    outcome_of,
    signalled_error,
    unknown,
)
from joinme_async._retry._limiters import RateLimiter, Turn
from joinme_async._retry._masking import masked
from joinme_async._retry._options import Options
from joinme_async._retry._pacing import NOTICEABLE
from joinme_async._retry._run import Run
from joinme_async._retry._signals import Signals, quiet_signals, read_signals
from joinme_async._retry._slots import Slots
from joinme_async._retry._stay import Stay
from joinme_async._retry._tokens import Tokens
from joinme_async._wire import Call, Effect, build_request, signed_headers

T = TypeVar("T")
R = TypeVar("R")

_logger: Final = logging.getLogger("joinme_async")

# A transport is told a little less than what is left of the deadline: it alone knows whether the request had left when
# time ran out, so it should be the one to say so. The deadline itself cuts off a transport that does not keep time.
_HEAD_START: Final = 0.05
_LONGEST_HEAD_START: Final = 0.25  # seconds
_NEARLY: Final = 0.95  # of its time; timers are not exact
_ROUNDING: Final = 1e-6  # seconds that sums of times may be off by


class RetryLayer:
    """Carries out calls; one for a client and all its copies.

    Args:
        transport: returns the transport to use; it may make it at the first call, or raise where the client is closed.
        tokens: hands out access tokens.
        clock: reads time and sleeps.
        limiter: says when a call may start.
        budget: the repeats that the client can afford.
        base_url: what the path of a call is put behind.
        headers: what every request has besides its token.
        first: how many calls are under way at first, None for as many as the transport can carry.
        on_doubt: told of each call to make something whose outcome is not known, and what came instead of an answer.
    """

    def __init__(  # noqa: PLR0913  the parts it drives
        self,
        transport: Callable[[], Transport],
        tokens: Tokens,
        clock: Clock,
        limiter: RateLimiter,
        budget: Budget,
        *,
        base_url: str,
        headers: Headers,
        first: int | None = None,
        on_doubt: Callable[[Call[Any], Options, JoinMeError | None], object] = lambda *_: None,
    ) -> None:
        self.clock = clock
        self._transport = transport
        self._tokens = tokens
        self._limiter = limiter
        self._has_permit: Callable[[], bool] = getattr(limiter, "acquire_nowait", _no_permit)
        self._budget = budget
        self._base_url = base_url
        self._headers = headers
        self._signed: tuple[Secret[str], Headers] | None = None
        self._first = first
        self._on_doubt = on_doubt
        self._slots: Slots | None = None
        self._keeps_time = False  # the transport, once there are slots of it
        self._cooling = False
        self._told_until = -inf  # until when the cool-down lasts of which was told last
        self._stay = Stay()

    def __repr__(self) -> str:
        return f"{self._base_url}: {self._slots or 'not used yet'}, {self._limiter!r}, {self._budget!r}"

    @property
    def concurrency(self) -> int | None:
        """How many calls the transport can carry at once, None for any number."""
        return self._transport().concurrency

    @property
    def service(self) -> str:
        """The base URL."""
        return self._base_url

    async def perform(self, call: Call[T], options: Options, began: float | None = None) -> T:
        """Carry out `call` and return its result, or raise the error that tells what became of it.

        Its time runs from now on, or since `began`, by the clock of the client, for one of several calls.

        Being cancelled passes straight through, frees the connection and leaves no call counted that was not started.
        """
        run = Run(call, options, self.clock.now() if began is None else began)
        transport = self._transport()
        stay = self._stay.here("client")
        if stay is not self._stay:
            self._stay, self._slots = stay, None  # slots of another loop's calls are none of ours
        stay.under_way += 1
        try:
            return await self._drive(run, transport)
        except JoinMeError:
            raise
        except BaseException:
            if run.in_flight and call.effect is Effect.CREATE:
                self._doubt(run, None)
            raise
        finally:
            stay.under_way -= 1

    async def _drive(self, run: Run[T], transport: Transport) -> T:
        """Send the request as often as is decided; the only loop there is."""
        await self._stay.checkpoint_if_cancelled()  # a call that was cancelled before its start leaves no trace
        slots = self._slots or await self._prepared(run, transport)
        self._budget.pay_in()
        while True:
            token = (self._tokens.fixed if run.refused is None else None) or await self._get_token(run)
            if not (slots.acquire_nowait() or await run.announced("connection", slots.acquire(self._latest(run)))):
                raise self._without_slot(run)
            try:
                if not self._has_permit():
                    await self._get_permit(run)
                if self._cooling:
                    self._cooling = False
                    run.tell(CoolDownClosed)
                transport = self._transport()
                attempt = self._attempt(run, token, transport, slots)
                happened = await (attempt if self._keeps_time else self._in_time(run, attempt))
            finally:
                slots.release()
            if not isinstance(happened, Outcome):
                if run.repeats:
                    self._budget.give_back()
                return happened
            again = self._decided(run, happened)
            if again is None and run.answer is not None:
                return run.call.read(run.answer)
            if again is not None:
                await self._wait(run, again, token)

    async def _in_time(self, run: Run[Any], work: Awaitable[R]) -> R:
        """Await `work` until the deadline; whoever need not wait, or keeps time by itself, does without a timer."""
        left = run.left(self.clock.now())
        if left == inf:
            return await work
        with self.clock.deadline(left):
            return await work
        raise self._ended(run, self._overdue(run))

    async def _prepared(self, run: Run[Any], transport: Transport) -> Slots:
        """Return the slots of `transport`, which has done by then what it does once: that is no part of a start."""
        await self._in_time(run, run.announced("connection", getattr(transport, "prepare", _nothing)()))
        if self._slots is None:
            self._slots = Slots(transport.concurrency, self._first, self.clock)
            self._keeps_time = getattr(transport, "keeps_time", False) is True
        return self._slots

    async def _get_token(self, run: Run[Any]) -> Secret[str]:
        """Return a token, or raise what the last attempt came to where there is none but the refused one."""
        refused, run.refused = run.refused, None
        token = await self._in_time(run, run.announced("token", self._tokens.get(refused)))
        if token == refused and run.last is not None:
            raise self._ended(run, run.last)
        return token

    def _latest(self, run: Run[Any]) -> float:
        """Return until when a connection is of use, or raise at once where a cool-down would outlast this call."""
        now = self.clock.now()
        left = run.left(now)
        if self._limiter.snapshot().cooldown > left:
            raise self._kept_out(run)
        return now + left

    def _without_slot(self, run: Run[Any]) -> JoinMeError:
        """Return the error of a call that waited for a connection in vain: too long, or beaten by a cool-down."""
        is_over = run.left(self.clock.now()) <= 0
        return self._ended(run, run.out_of_time()) if is_over else self._kept_out(run)

    def _kept_out(self, run: Run[Any]) -> JoinMeError:
        """Return the error of a call that a cool-down outlasts."""
        state = self._limiter.snapshot()
        turn = Turn(state.cooldown, state.refusal)
        return self._ended(run, run.last or self._too_late(turn, run.left(self.clock.now())))

    async def _get_permit(self, run: Run[Any]) -> None:
        """Wait for the permit to start, or raise at once where its turn comes too late for this call."""
        run.waiting_for = "rate limit"
        await self._in_time(run, self._wait_for_permit(run))

    async def _wait_for_permit(self, run: Run[Any]) -> None:
        """Ask the limiter for a permit, telling of each wait before it begins."""
        left, patience = run.left(self.clock.now()), run.options.patience
        heard = run.options.announcer.hears(WaitStarted)
        bound = 0.0 if heard else min(left, patience)
        while (turn := await self._limiter.acquire(None if bound == inf else bound)) is not None:
            if bound >= left or turn.after > (min(left, patience) if _is_quota(turn) else left):
                raise self._ended(run, run.last or self._too_late(turn, left))
            run.waiting_for = "rate limit" if turn.refusal is None else "cool-down"
            run.tell(WaitStarted, run.waiting_for, turn.after)
            left = run.left(self.clock.now())
            # No longer than until a pause that opens meanwhile may be that of a quota, and has to be looked at.
            bound = min(left, turn.after + patience)

    def _too_late(self, turn: Turn, left: float) -> JoinMeError:
        """Return the error of a call that nothing happened to yet, and whose turn is further away than its deadline."""
        wall = self.clock.wall()
        if turn.refusal is not None:
            return signalled_error(attrs.evolve(turn.refusal, retry_after=turn.after), wall, sent=False)
        if turn.over_quota:
            error = QuotaExceededError(
                f"the quota set for this client is used up, and nothing was sent; try again in {turn.after:.6g} s",
                status=403,  # what the service would have said
                retry_after=turn.after,
            )
            error.retry_at = wall + timedelta(seconds=turn.after)
            return error
        late = (
            f"the turn of this call under the rate limit is {turn.after:.3g} s away, and {left:.3g} s are left for it"
        )
        return DeadlineExceededError(f"{late}: give it longer with timeout=")

    async def _attempt(self, run: Run[T], token: Secret[str], transport: Transport, slots: Slots) -> T | Outcome:
        """Send the request once, with no suspension before it, and return what happened."""
        call, timeout = run.call, run.options.timeout
        sent = self.clock.now()
        left = run.left(sent)
        if left <= 0:
            raise self._ended(run, run.out_of_time())
        allowed = min(timeout.attempt, left - min(left * _HEAD_START, _LONGEST_HEAD_START))
        request = build_request(call, self._base_url, self._headers_with(token), allowed)
        run.attempts += 1
        heard = run.options.announcer.hears(AttemptStarted)  # and then its end is as well
        if heard:
            run.tell(AttemptStarted, run.attempts)
        run.in_flight, run.waiting_for = True, "answer"
        try:
            watched = left < inf or self._keeps_time  # by the deadline, or by itself
            bounded = transport.send(request) if watched else self._within(allowed, transport, request)
            answer: Response | JoinMeError = await bounded
        except TransportTimeoutError as error:
            # A transport of the user's may have a shorter patience of its own: that is no matter of the deadline.
            time_is_up = allowed < timeout.attempt and self.clock.now() - sent >= allowed * _NEARLY
            answer = run.out_of_time(error) if time_is_up else error
        except JoinMeError as error:
            answer = error
        except AssertionError:
            raise  # a script that is over, in somebody's test
        except Exception as error:  # noqa: BLE001  a transport that breaks its promise leaves a request in doubt
            answer = TransportError(f"the transport failed with {type(error).__name__}: {error}")
            answer.__cause__ = error
        run.answered = self.clock.now()
        happened: T | Outcome
        if isinstance(answer, Response) and answer.is_success:
            happened = _read(call, answer, token)
            signals: Signals | None = quiet_signals(answer) or read_signals(answer, self.clock.wall())
        else:
            happened = self._failed(run, answer, token)
            signals = happened.signals
        if heard:
            came = (answer.status, None) if isinstance(answer, Response) else (None, answer)
            run.tell(AttemptEnded, run.attempts, run.answered - sent, *came)
        if signals is not None:
            self._observe(run, signals, slots)
        run.in_flight = False
        return happened

    def _headers_with(self, token: Secret[str]) -> Headers:
        """Return what every request has, `token` included: the same until there is another token."""
        if self._signed is None or (self._signed[0] is not token and self._signed[0] != token):
            self._signed = token, signed_headers(self._headers, token)
        return self._signed[1]

    async def _within(self, allowed: float, transport: Transport, request: Request) -> Response:
        """Send a request of a call without a deadline: nothing else cuts off a transport that does not keep time."""
        with self.clock.deadline(allowed + _LONGEST_HEAD_START):
            return await transport.send(request)
        raise _cut_off()

    def _failed(self, run: Run[Any], answer: Response | JoinMeError, token: Secret[str]) -> Outcome:
        """Return what an answer that is no success comes to, or what came instead of one."""
        if isinstance(answer, Response):
            answer = run.answer = masked(answer, token)
        return outcome_of(answer, self.clock.wall())

    def _observe(self, run: Run[Any], signals: Signals, slots: Slots) -> None:
        """Let the limiter learn from an answer; nothing that goes wrong here may come between it and its caller."""
        try:
            self._limiter.observe(signals)
            pause = self._limiter.snapshot().cooldown if signals.hold else 0.0
        except Exception:
            _logger.exception("the rate limiter failed; the call goes on")
            return
        if signals.taken:
            slots.widen()
        now = run.answered
        if pause and (self._told_until <= now or now + pause > self._told_until + NOTICEABLE):
            self._cooling, self._told_until = True, now + pause
            slots.send_away(self._told_until)
            run.tell(CoolDownOpened, signals.hold, signals.status, signals.code)

    def _decided(self, run: Run[Any], outcome: Outcome) -> SendAgain | None:
        """Return the next step of a failed call, None where its answer will do, or raise the error that ends it."""
        situation = Situation(
            tried=run.repeats + 1,
            left=run.left(self.clock.now()),
            chance=random(),  # noqa: S311  it spreads repeats, and guards nothing
            affordable=self._budget.has_one,
            token_renewed=run.token_renewed,
            reread=run.reread,
            in_doubt=run.in_doubt,
            patience=run.options.patience,
        )
        verdict = decide(run.call, outcome, run.options.retry, situation)
        if isinstance(verdict, GiveUp):
            raise self._ended(run, verdict.error)
        if isinstance(verdict, Accept):
            return None
        run.last = verdict.error
        run.in_doubt = run.in_doubt or maybe_done(verdict.error)
        run.reread = run.reread or isinstance(verdict.error, UnexpectedResponseError)
        return verdict

    async def _wait(self, run: Run[Any], again: SendAgain, token: Secret[str]) -> None:
        """Wait before the next attempt, with no slot taken; a cool-down is waited out in the queue of the limiter."""
        if again.why is Why.TOKEN:
            run.refused, run.token_renewed = token, True
            return
        if again.why is Why.BACK_OFF:
            self._budget.spend()
            run.repeats += 1
            run.waiting_for, seconds = "back-off", again.after
        else:
            seconds = again.after - (self.clock.now() - run.answered)
            if self._limiter.snapshot().cooldown >= seconds - _ROUNDING:
                return
            run.waiting_for = "cool-down"
        run.tell(WaitStarted, run.waiting_for, seconds)
        await self._in_time(run, self.clock.sleep(seconds))

    def _overdue(self, run: Run[Any]) -> JoinMeError:
        """Return the error of a call that the deadline cut off: in flight, or while it waited for something."""
        if not run.in_flight:
            return run.out_of_time()
        cut_off = run.out_of_time(_cut_off())
        return unknown(run.call, cut_off) if run.call.effect is Effect.CREATE else cut_off

    def _ended(self, run: Run[Any], error: JoinMeError) -> JoinMeError:
        """Return `error` with the facts of the call that it is the end of."""
        error.method, error.path = run.call.method, run.call.path
        error.attempts, error.elapsed = run.attempts, self.clock.now() - run.started
        if isinstance(error, OutcomeUnknownError):
            self._doubt(run, error.last)
        return error

    def _doubt(self, run: Run[Any], because: JoinMeError | None) -> None:
        """Say that it is not known what became of a call, None for one whose caller was cancelled."""
        run.tell(OutcomeUnknown, run.call.meeting, because)
        self._on_doubt(run.call, run.options, because)


def _is_quota(turn: Turn) -> bool:
    return turn.over_quota or (turn.refusal is not None and turn.refusal.over_rate)


def _cut_off() -> TransportTimeoutError:
    return TransportTimeoutError("the transport was cut off")


async def _nothing() -> None:
    """What a transport prepares that has nothing to prepare."""


def _no_permit() -> bool:
    """What a limiter says without waiting that has to be asked with `acquire`."""
    return False


def _read(call: Call[T], response: Response, token: Secret[str]) -> T | Outcome:
    try:
        return call.read(response)
    except UnexpectedResponseError:
        shown = masked(response, token)
    try:
        # Once more, without the token in it, for an error that can be shown.
        return call.read(shown)
    except UnexpectedResponseError as error:
        return Outcome(error)
