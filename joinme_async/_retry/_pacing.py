"""How fast calls may start: limits, cool-downs, and what is learnt of a limit that nobody told. Pure; times go in."""

from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Any, Final

import attrs

from joinme_async._errors import ConfigurationError
from joinme_async._retry._signals import Signals

_SHORT: Final = 10.0  # seconds; starts under a limit of up to this period are spread over it once it is full
_LONGEST: Final = 1e8  # seconds; three years
_QUOTA: Final = 3600.0  # seconds; a limit of this period or more is a quota: to reach it is no matter of pacing
# The service counts arrivals, not departures: a start is held back a little longer than the limit asks.
_GUARD: Final = 0.01
_WIDEST_GUARD: Final = 0.1
_GUARD_RELAXES: Final = 60.0  # seconds without a refusal
# What is learnt: this share of what went through in the last second, and a step up for each quiet half-minute.
_SAFE_SHARE: Final = 0.95
_MEASURED_OVER: Final = 1.0
# A first refusal of a client that hardly called says that others did: it is no measure of what is allowed. Where the
# limit is as low as that, the next refusal tells.
_LEAST: Final = 5
_OVERTAKEN: Final = 0.1  # seconds; by so much a refusal may come before an answer to what went through ahead of it
_HOLD: Final = 30.0
_FIRST_STEP: Final = 0.05
_LARGEST_STEP: Final = 1.0
# A refusal with less than this share of the pace going through is no matter of jitter: the limit is another.
_FAR_BELOW: Final = 0.75
_BOUNDLESS: Final = 10_000.0  # calls per second; what has been stepped up to this is no limit any more
# Seconds between the first two who waited out a cool-down while no pace is known; the next go ever sooner.
_REOPENING: Final = 0.02
_QUICKER: Final = 0.95
NOTICEABLE: Final = 0.1
"""Seconds by which a pause is prolonged before anything is made of it."""


def _is_count(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10**7:
        raise ConfigurationError(
            f"RateLimit: {field.name} is a whole number of calls, from 1 to 10,000,000; for less than one in a second "
            "give a longer period, such as RateLimit(1, per=2)"
        )


def _is_period(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST:
        raise ConfigurationError(f"RateLimit: {field.name} is a positive number of seconds, three years at the most")


@attrs.frozen
class RateLimit:
    """At most `calls` starts in any `per` seconds.

    After a quiet spell a burst of `calls` may go at once; after that, starts under a limit of up to ten seconds are
    spread evenly. A limit over an hour or more is a quota: a call that would have to wait for it past its deadline is
    `QuotaExceededError`.

    Attributes:
        calls: how many starts.
        per: seconds, of any length and at any time: a sliding window.
    """

    calls: int = attrs.field(validator=_is_count)
    per: float = attrs.field(default=1.0, validator=_is_period)


class _Window:
    """One limit, and the starts that count against it."""

    __slots__ = ("limit", "starts", "waited")

    def __init__(self, limit: RateLimit, starts: Sequence[float] = (), waited: Sequence[bool] = ()) -> None:
        self.limit = limit
        self.starts: deque[float] = deque(starts, maxlen=limit.calls)
        self.waited: deque[bool] = deque(waited, maxlen=limit.calls)

    @property
    def spacing(self) -> float:
        return self.limit.per / self.limit.calls if self.limit.per <= _SHORT else 0.0

    def opens(self, guard: float) -> float:
        """Return when the oldest of the last `calls` starts leaves the window."""
        if len(self.starts) < self.limit.calls:
            return -inf
        return self.leaves(self.starts[0], self.unspaced(self.tenth), guard)

    def unspaced(self, number: int) -> float:
        """Return when a start was that came without having to wait, infinite for one that waited or is to come."""
        return self.starts[number] if number < len(self.starts) and not self.waited[number] else inf

    @property
    def tenth(self) -> int:
        return max(self.limit.calls // 10, 1)

    def leaves(self, start: float, later: float, guard: float) -> float:
        """Return when a start leaves the window; `later` is the one a tenth of the calls after it, if unspaced.

        Requests that start at one moment reach the service one after the other, and the first of them late, while the
        loop is busy with them all and connections are made: a burst is given the widest guard.
        """
        burst = later - start < self.spacing * self.tenth / 2
        return start + self.limit.per + (_WIDEST_GUARD if burst else guard) * min(self.limit.per, _SHORT)


class Pacer:
    """When the next call may start, given all that started and was answered before.

    The k-th start comes no earlier than the (k - calls)-th plus `per`, for every limit: a ring of starts, no timers.
    Those who have to wait for their turn are spaced, and their turns are planned ahead in `_planned`, one for each
    place in the queue; who leaves the queue gives up the last place, since all behind move up.
    """

    def __init__(self, limits: Sequence[RateLimit] = ()) -> None:
        self._windows = [_Window(limit) for limit in limits]
        self._active = self._windows  # and what was learnt
        self._ceiling = min((_pace(window.limit) for window in self._windows if window.spacing), default=inf)
        self._learned: _Window | None = None
        self._allotted = inf
        self._guard = _GUARD
        self._guarded_since = -inf
        self._paced_since = -inf
        self._step = _FIRST_STEP
        self._raised_from: RateLimit | None = None
        self._measuring = False
        self._measured = self._least = 0
        self._taken: deque[float] = deque()
        self._recent: deque[float] = deque()
        self._last = -inf  # the turn of the start before; a start that came late is not held against the next
        self._planned: deque[float] = deque()
        self._starts_since_plan = 0
        self._plan_is_stale = False
        self._planned_from = -inf
        self._reopening = 0.0
        self._refused_at = -inf
        self.held_until = -inf
        self.held_by: Signals | None = None

    @property
    def limits(self) -> tuple[RateLimit, ...]:
        """The limits it was given."""
        return tuple(window.limit for window in self._windows)

    @property
    def learned(self) -> RateLimit | None:
        """The limit it learnt, None while it has learnt none."""
        return self._learned.limit if self._learned else None

    @property
    def guard(self) -> float:
        """The share of a limit's period by which starts are held back longer than it asks."""
        return self._guard

    def opens(self) -> float:
        """Return when a call that finds nobody waiting may start."""
        moment = self.held_until
        for window in self._active:
            moment = max(moment, window.opens(self._guard))
        return moment

    def turn(self) -> float:
        """Return when the first in the queue may start: in its place after the start before."""
        return max(self.opens(), self._last + (self._spacing() or self._reopening))

    def _spacing(self) -> float:
        return max((window.spacing for window in self._active), default=0.0)

    def start(self, now: float, *, waited: bool) -> None:
        """Count a start that happens `now`."""
        self._last = self.turn() if waited else now
        for window in self._active:
            window.starts.append(now)
            window.waited.append(waited)
        if self._learned is None:
            self._recent.append(now)
            _forget(self._recent, now)
        if waited:
            self._planned.popleft()
            self._starts_since_plan += 1
            self._reopening *= _QUICKER

    def join(self, now: float) -> float:
        """Take a place at the end of the queue, and return its turn."""
        if self._starts_since_plan > len(self._planned):
            self._plan_is_stale = True  # starts come a little later than planned; it adds up
        self.turns(now)
        self._plan_one(now)
        # A pause that was prolonged since the plan was made moves no turn by more than that.
        prolonged = self.held_until - self._planned_from if self._planned_from > -inf else 0.0
        return self._planned[-1] + prolonged

    def turns(self, now: float) -> Sequence[float]:
        """Return the turn of each place in the queue."""
        if self._plan_is_stale:
            places = len(self._planned)
            self._planned.clear()
            self._starts_since_plan, self._plan_is_stale, self._planned_from = 0, False, self.held_until
            for _ in range(places):
                self._plan_one(now)
        return self._planned

    def leave(self) -> None:
        """Give up the last place in the queue."""
        self._planned.pop()

    def quota_opens(self) -> float:
        """Return when the last in the queue could start if quotas were the only limits."""
        place = len(self._planned) - 1
        return max((self._constraint(w, place) for w in self._windows if w.limit.per >= _QUOTA), default=-inf)

    def _plan_one(self, now: float) -> None:
        place = len(self._planned)
        before = self._planned[-1] if place else self._last
        constraints = (self._constraint(window, place) for window in self._active)
        spacing = self._spacing() or self._reopening * _QUICKER**place
        self._planned.append(max(now, self.held_until, before + spacing, *constraints))

    def _constraint(self, window: _Window, place: int) -> float:
        """Return when `window` lets the start at `place` in the queue happen: `per` after the one `calls` before it."""
        calls, known = window.limit.calls, len(window.starts)
        number = known + place - calls  # among the window's starts and the planned ones behind them
        if number < 0:
            return -inf
        earlier = window.starts[number] if number < known else self._planned[number - known]
        return window.leaves(earlier, window.unspaced(number + window.tenth), self._guard)

    def observe(self, signals: Signals, now: float) -> None:
        """Take note of what an answer said that came `now`."""
        if signals.taken:
            self._taken.append(now)
            _forget(self._taken, now)
            if self._measuring and now <= self._refused_at + _OVERTAKEN:
                # The refusal overtook it: it went through with those that were counted then.
                self._measured += 1
                self._set_pace(RateLimit(max(self._measured, self._least), _MEASURED_OVER / _SAFE_SHARE))
        self._relax(now)
        if signals.headroom is not None and signals.headroom.qps_allotted is not None:
            self._be_told(float(signals.headroom.qps_allotted))
        if signals.hold is not None:
            self._hold(signals, now + signals.hold, now)

    def _hold(self, signals: Signals, until: float, now: float) -> None:
        # Whoever was under way when the first refusal came is refused as well: one pause, one lesson.
        if now >= self.held_until:
            self._measuring = False
            if signals.over_qps:
                self._learn(now)
        if until > self.held_until:
            self.held_until, self.held_by, self._reopening = until, signals, _REOPENING
            # Each refusal of a herd prolongs the pause a little: that moves no plan worth making anew.
            self._plan_is_stale = self._plan_is_stale or until > self._planned_from + NOTICEABLE

    def _relax(self, now: float) -> None:
        """Take the guard back, and step up what was learnt, where nothing was refused for long enough."""
        if self._guard > _GUARD and now - self._guarded_since >= _GUARD_RELAXES:
            self._guard = max(self._guard / 2, _GUARD)
            self._guarded_since = now
        if self._learned is None or now - self._paced_since < _HOLD:
            return
        limit = self._learned.limit
        quicker = RateLimit(limit.calls, limit.per / (1 + self._step))
        self._paced_since = now
        if _pace(quicker) > self._allotted:
            return
        self._raised_from = limit
        self._step = min(self._step * 2, _LARGEST_STEP)
        self._set_pace(quicker if _pace(quicker) < _BOUNDLESS else None)

    def _be_told(self, allotted: float) -> None:
        """Go by what the service itself allows, from when it first says so."""
        if allotted != self._allotted:
            self._allotted = allotted
            self._raised_from = None
            self._set_pace(RateLimit(int(allotted)) if allotted < _BOUNDLESS else None)

    def _learn(self, now: float) -> None:
        """Draw the lesson of a refusal for speed."""
        guard_is_wide = self._guard >= _WIDEST_GUARD
        self._guard = min(self._guard * 2, _WIDEST_GUARD)
        self._refused_at = self._guarded_since = self._paced_since = now
        self._step = _FIRST_STEP
        _forget(self._taken, now)
        taken = len(self._taken)
        pace = self._ceiling if self._learned is None else _pace(self._learned.limit)
        unknown = pace == inf or guard_is_wide or taken < _FAR_BELOW * pace
        self._measuring = unknown and self._raised_from is None
        if self._raised_from is not None:
            self._set_pace(self._raised_from)
        elif self._measuring:
            self._measured, self._least = taken, _LEAST if self._learned is None else 1
            self._set_pace(RateLimit(max(self._measured, self._least), _MEASURED_OVER / _SAFE_SHARE))
        self._raised_from = None

    def _set_pace(self, limit: RateLimit | None) -> None:
        if limit is None:
            self._learned = None
        elif self._learned is None:
            self._learned = _Window(limit, self._recent, [False] * len(self._recent))
        else:
            self._learned = _Window(limit, self._learned.starts, self._learned.waited)
        self._active = self._windows if self._learned is None else [*self._windows, self._learned]
        self._plan_is_stale = True


def _pace(limit: RateLimit) -> float:
    """Return the calls a second that a limit comes to."""
    return limit.calls / limit.per


def _forget(moments: deque[float], now: float) -> None:
    """Forget what is longer ago than a measurement reaches."""
    while moments and moments[0] <= now - _MEASURED_OVER:
        moments.popleft()
