"""How fast: never more than a limit allows, never inside a cool-down, and what is learnt of a limit nobody told."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinme_async import ConfigurationError, Headroom, RateLimit, Signals
from joinme_async._retry._pacing import Pacer

GOOD = Signals(200)
SLOW_DOWN = Signals(429, retry_after=2.0)


def drain(pacer: Pacer, now: float, places: int) -> list[float]:
    """Let a queue of so many start, each as early as it may, and return when they did."""
    starts = []
    for _ in range(places):
        pacer.join(now)
    for _ in range(places):
        now = max(now, pacer.turn())
        pacer.start(now, waited=True)
        starts.append(now)
    return starts


def burst(pacer: Pacer, now: float, most: int = 1000) -> int:
    """Start as many as may go at once, and return how many did."""
    count = 0
    while pacer.opens() <= now and count < most:
        pacer.start(now, waited=False)
        count += 1
    return count


def test_a_burst_may_go_after_a_quiet_spell_and_the_rest_is_spread() -> None:
    """As many at once as the limit has; then one every per/calls seconds, none before the window opens with its guard."""
    pacer = Pacer([RateLimit(4, per=2.0)])
    assert burst(pacer, 100.0) == 4
    # After a burst with the widest guard, since its requests arrive late and one by one; then with the usual one.
    assert drain(pacer, 100.0, 6) == pytest.approx([102.2, 102.7, 103.2, 103.7, 104.22, 104.72])


def test_a_long_limit_is_not_spread() -> None:
    """A limit over more than ten seconds lets its calls go as they come, and its guard stays a tenth of a second."""
    pacer = Pacer([RateLimit(3, per=60.0)])
    assert burst(pacer, 0.0) == 3
    starts = drain(pacer, 0.0, 4)
    assert starts == pytest.approx([60.1, 60.1, 60.1, 120.2])
    ten = Pacer([RateLimit(2, per=10.0)])
    assert burst(ten, 0.0) == 2
    assert drain(ten, 0.0, 2) == pytest.approx([11.0, 16.0])


def test_every_limit_holds_at_once() -> None:
    """Ten a second, but only fifteen in a minute."""
    pacer = Pacer([RateLimit(10), RateLimit(15, per=60.0)])
    assert burst(pacer, 0.0) == 10
    starts = drain(pacer, 0.0, 6)
    assert starts[:5] == pytest.approx([1.1, 1.2, 1.3, 1.4, 1.5])
    assert starts[5] == pytest.approx(60.1)


limits = st.builds(RateLimit, st.integers(1, 6), per=st.sampled_from([0.25, 1.0, 3.0, 20.0]))
steps = st.lists(
    st.tuples(
        st.sampled_from(["call", "call", "call", "leave", "pass", "pass", "refused", "quota", "good", "told"]),
        st.floats(0, 4, allow_nan=False),
    ),
    max_size=120,
)


@given(st.lists(limits, max_size=3), steps)
def test_no_window_holds_more_than_its_limit_and_no_start_falls_into_a_cool_down(  # noqa: C901  one case each
    given_limits: list[RateLimit], script: list[tuple[str, float]]
) -> None:
    """Whatever arrives, leaves, is answered or refused, in whatever order; and no turn is later than it was told."""
    pacer, now, starts, holds = Pacer(given_limits), 0.0, [], []
    queue: list[float] = []  # the turns that were told, by place
    learned: set[RateLimit] = set()

    def serve() -> None:
        while queue and pacer.turn() <= now:
            starts.append(now)
            pacer.start(now, waited=True)
            queue.pop(0)

    for what, amount in script:
        if what == "call" and not queue and pacer.opens() <= now:
            starts.append(now)
            pacer.start(now, waited=False)
        elif what == "call":
            queue.append(pacer.join(now))
            assert queue[-1] >= pacer.turn()
        elif what == "leave" and queue:
            pacer.leave()
            queue.pop()
        elif what == "pass":
            until = now + amount
            while queue and (turn := max(pacer.turn(), now)) <= until:
                now = turn
                told = queue[0]
                serve()
                assert now <= told + 1e-9
            now = until
        elif what in {"refused", "quota"}:
            signals = Signals(
                429 if what == "refused" else 403,
                "ERR_403_DEVELOPER_OVER_RATE" if what == "quota" else None,
                retry_after=amount,
            )
            pacer.observe(signals, now)
            holds.append((now, now + amount))
            queue = [inf] * len(queue)  # a cool-down moves the turns
        elif what == "good":
            pacer.observe(GOOD, now)
            queue = [inf] * len(queue)  # and so does a step of what is learnt
        elif what == "told":
            pacer.observe(Signals(200, headroom=Headroom(qps_allotted=int(amount) + 1)), now)
            queue = [inf] * len(queue)
        if pacer.learned is not None:
            learned.add(pacer.learned)
        serve()
    for limit in given_limits:
        for index in range(len(starts) - limit.calls):
            assert starts[index + limit.calls] - starts[index] > limit.per
    assert not any(began <= start < over for start in starts for began, over in holds if over > began and start > began)
    assert all(earlier <= later for earlier, later in pairwise(starts))


def test_a_pause_that_was_prolonged_a_little_is_in_the_turn_that_is_told() -> None:
    """The plan is not made anew for less than a tenth of a second, and what a newcomer is told is late enough."""
    pacer = Pacer()
    pacer.observe(Signals(429, retry_after=1.75), 0.0)
    pacer.join(0.0)
    pacer.observe(Signals(429, retry_after=1.8125), 0.0)
    told = pacer.join(0.0)
    last = 0.0
    for _ in range(2):
        last = pacer.turn()
        pacer.start(last, waited=True)
    assert last <= told <= last + 0.1


@given(st.integers(1, 30), st.lists(st.floats(0.0, 0.4), min_size=5, max_size=200))
def test_the_pace_that_is_kept_is_nearly_the_one_allowed(calls: int, late: list[float]) -> None:
    """A queue that is never empty takes its share of every window, even where each start comes a little late."""
    pacer, now = Pacer([RateLimit(calls)]), 0.0
    burst(pacer, now)
    starts = []
    for delay in late:
        pacer.join(now)
        now = max(now, pacer.turn()) + delay / calls / 10
        pacer.start(now, waited=True)
        starts.append(now)
    ideal = len(starts) / calls
    assert starts[-1] <= (ideal + 1) * 1.01 + 0.05 * ideal + 0.1


def test_turns_that_are_told_are_exact() -> None:
    """Of a queue of twenty each is told when it starts, and who leaves makes room for those behind."""
    pacer = Pacer([RateLimit(3), RateLimit(8, per=5.0)])
    burst(pacer, 0.0)
    told = [pacer.join(0.0) for _ in range(20)]
    for _ in range(5):
        pacer.leave()
    assert pacer.join(0.0) == told[15]
    starts = []
    for _ in range(16):
        starts.append(pacer.turn())
        pacer.start(starts[-1], waited=True)
    assert starts == pytest.approx(told[:16])


def test_starts_that_come_late_are_planned_anew() -> None:
    """A queue that never empties, each start a little late: what newcomers are told does not drift away."""
    pacer, now = Pacer([RateLimit(10)]), 0.0
    burst(pacer, now)
    for _ in range(5):
        pacer.join(now)
    for _ in range(400):
        told = pacer.join(now)
        now = pacer.turn() + 0.01
        pacer.start(now, waited=True)
        assert told <= now + 1.2
    assert told >= now + 5 * 0.1 - 0.15


def test_one_start_that_is_very_late_moves_the_turns_of_a_long_queue() -> None:
    """After a stall of three seconds, newcomers to a queue that never empties are told so once it has moved on."""
    pacer, now = Pacer([RateLimit(4)]), 0.0
    burst(pacer, now)
    for _ in range(20):
        pacer.join(now)
    now = pacer.turn() + 3.0
    for _ in range(45):
        now = max(now, pacer.turn())
        pacer.start(now, waited=True)
        pacer.join(now)
    told, starts = pacer.join(now), []
    for _ in range(21):
        now = max(now, pacer.turn())
        pacer.start(now, waited=True)
        starts.append(now)
    assert starts[-1] == pytest.approx(told)


def learn(pacer: Pacer, taken: int, now: float = 10.0) -> None:
    """Let so many calls go through in the last half second, and the next be refused."""
    for index in range(taken):
        at = now - 0.5 + 0.5 * index / max(taken, 1)
        pacer.start(at, waited=False)
        pacer.observe(GOOD, at)
    pacer.observe(SLOW_DOWN, now)


def pace(pacer: Pacer) -> float:
    assert pacer.learned is not None
    return pacer.learned.calls / pacer.learned.per


def test_without_a_limit_nothing_is_held_back() -> None:
    """Until somebody refuses."""
    pacer = Pacer()
    assert burst(pacer, 0.0, most=500) == 500
    assert pacer.learned is None


@pytest.mark.parametrize("taken", [0, 1, 5, 6, 20])
def test_the_first_refusal_teaches_the_pace(taken: int) -> None:
    """0.95 of what went through in the last second, and of five at least; what was taken before that does not count."""
    pacer = Pacer()
    for _ in range(50):
        pacer.observe(GOOD, 8.0)
    learn(pacer, taken)
    assert pace(pacer) == pytest.approx(0.95 * max(taken, 5))
    assert pacer.opens() == 12.0
    assert pacer.held_by is SLOW_DOWN


def test_answers_under_way_count_for_what_was_taken() -> None:
    """Those that come good after the first refusal had gone through before it; those of the time after do not count."""
    pacer = Pacer()
    learn(pacer, 10)
    for _ in range(4):
        pacer.observe(GOOD, 10.1)
    assert pace(pacer) == pytest.approx(0.95 * 14)
    pacer.observe(GOOD, 12.0)
    assert pace(pacer) == pytest.approx(0.95 * 14)


def test_one_cool_down_is_one_lesson() -> None:
    """All that were under way when the first refusal came are refused as well: they teach nothing, and only prolong."""
    pacer = Pacer()
    learn(pacer, 10)
    for _ in range(30):
        pacer.observe(Signals(429, retry_after=1.0), 10.2)
    assert (pace(pacer), pacer.guard) == (pytest.approx(9.5), 0.02)
    assert pacer.opens() == 12.0
    pacer.observe(Signals(429, retry_after=5.0), 10.3)
    assert pacer.opens() == 15.3
    first = pacer.held_by
    pacer.observe(Signals(429, retry_after=4.7), 10.6)
    assert pacer.held_by is first
    pacer.observe(Signals(429, retry_after=1.0), 15.3)
    assert pacer.guard == 0.04


def test_those_who_waited_out_a_cool_down_do_not_start_as_a_herd() -> None:
    """At the learnt pace where there is one; at a modest one where a pause was asked for and no pace is known."""
    pacer = Pacer()
    learn(pacer, 20)
    starts = drain(pacer, 10.0, 4)
    assert starts == pytest.approx([12.0 + index / 19 for index in range(4)])
    pacer = Pacer()
    pacer.observe(Signals(503, retry_after=3.0), 0.0)
    assert pacer.learned is None
    starts = drain(pacer, 0.0, 400)
    assert starts[:3] == pytest.approx([3.0, 3.019, 3.03705])
    assert starts[-1] < 3.4  # ever sooner: no pace was learnt, and none is kept
    assert burst(pacer, 4.0, most=500) == 500


def test_what_was_learnt_is_stepped_up_and_a_refusal_takes_the_step_back() -> None:
    """After 30 s without a refusal by 5 %, then by twice as much each time; a refusal undoes the last step only."""
    pacer = Pacer()
    learn(pacer, 20)
    paces = []
    for now in (39.9, 40.0, 69.9, 70.0, 100.0):
        pacer.observe(GOOD, now)
        paces.append(pace(pacer) / 19)
    assert paces == pytest.approx([1.0, 1.05, 1.05, 1.05 * 1.1, 1.05 * 1.1 * 1.2])
    pacer.observe(SLOW_DOWN, 101.0)
    assert pace(pacer) / 19 == pytest.approx(1.05 * 1.1)
    pacer.observe(GOOD, 101.1)  # under way since before: the pace is known, and not measured by it
    assert pace(pacer) / 19 == pytest.approx(1.05 * 1.1)
    pacer.observe(GOOD, 130.9)
    assert pace(pacer) / 19 == pytest.approx(1.05 * 1.1)
    pacer.observe(GOOD, 131.0)
    assert pace(pacer) / 19 == pytest.approx(1.05 * 1.1 * 1.05)


def test_a_pace_that_is_far_off_is_measured_again() -> None:
    """A refusal at the learnt pace is jitter, and widens the guard; one far below it means that the limit is another."""
    pacer = Pacer()
    learn(pacer, 20)
    learn(pacer, 15, now=20.0)
    assert pace(pacer) == pytest.approx(19)
    for taken, now in ((14, 30.0), (3, 40.0), (0, 50.0)):
        learn(pacer, taken, now=now)
        assert pace(pacer) == pytest.approx(0.95 * max(taken, 1))


def test_a_pace_that_nobody_refuses_is_forgotten() -> None:
    """Half an hour without a refusal, and nothing is held back any more."""
    pacer = Pacer()
    learn(pacer, 5)
    for minute in range(60):
        pacer.observe(GOOD, 40.0 + 30 * minute)
    assert pacer.learned is None
    assert burst(pacer, 5000.0, most=500) == 500


def test_a_pace_is_stepped_up_however_late_it_is_noticed() -> None:
    """Hours without a call are one step, taken with the first answer after them."""
    pacer = Pacer()
    learn(pacer, 20)
    pacer.observe(GOOD, 9999.0)
    assert pace(pacer) / 19 == pytest.approx(1.05)
    pacer.observe(GOOD, 10028.0)
    assert pace(pacer) / 19 == pytest.approx(1.05)
    pacer.observe(GOOD, 10500.0)
    assert pace(pacer) / 19 == pytest.approx(1.05 * 1.1)


def test_headroom_sets_the_pace_before_the_first_refusal() -> None:
    """What the service says it allows is held from then on, and never stepped above; a new figure replaces it."""
    pacer = Pacer()
    told = Signals(200, headroom=Headroom(qps_allotted=5))
    for _ in range(3):
        pacer.start(0.0, waited=False)
    pacer.observe(told, 0.1)
    assert pacer.learned == RateLimit(5)
    assert burst(pacer, 0.1) == 2
    for minute in range(10):
        pacer.observe(told, 60.0 * minute)
    assert pacer.learned == RateLimit(5)
    pacer.observe(Signals(503, retry_after=1.0), 650.0)
    pacer.observe(told, 650.1)  # a pause of another kind measures nothing
    assert pacer.learned == RateLimit(5)
    pacer.observe(Signals(200, headroom=Headroom(quota_allotted=5)), 700.0)
    assert pacer.learned == RateLimit(5)
    pacer.observe(Signals(200, headroom=Headroom(qps_allotted=8)), 700.0)
    assert pacer.learned == RateLimit(8)


def test_a_limit_that_was_given_is_a_ceiling() -> None:
    """Refusals near it widen the guard only; far below it, or again and again, the limit is another than was thought."""
    pacer = Pacer([RateLimit(20)])
    learn(pacer, 15)
    assert (pacer.learned, pacer.limits) == (None, (RateLimit(20),))
    learn(pacer, 14, now=20.0)
    assert pace(pacer) == pytest.approx(0.95 * 14)
    stubborn = Pacer([RateLimit(20)])
    for episode in range(4):
        learn(stubborn, 18, now=10.0 * (episode + 1))
        assert stubborn.learned is None
    learn(stubborn, 18, now=50.0)
    assert pace(stubborn) == pytest.approx(0.95 * 18)


def test_the_guard_doubles_with_each_refusal_and_relaxes_after_quiet_minutes() -> None:
    """1 % of the period at first, 10 % at the most; halved for each minute without a refusal, down to 1 % again."""
    pacer, guards = Pacer([RateLimit(20)]), []
    for episode in range(6):
        guards.append(pacer.guard)
        learn(pacer, 19, now=10.0 * episode)
    assert guards == [0.01, 0.02, 0.04, 0.08, 0.1, 0.1]
    relaxed = []
    for now in (109.9, 110.0, 169.9, 170.0, 260.0, 319.9, 330.0, 900.0):
        pacer.observe(GOOD, now)
        relaxed.append(pacer.guard)
    assert relaxed == pytest.approx([0.1, 0.05, 0.05, 0.025, 0.0125, 0.0125, 0.01, 0.01])


def test_the_guard_holds_starts_back() -> None:
    """The wider the guard, the later the window opens."""
    pacer = Pacer([RateLimit(1, per=2.0)])
    learn(pacer, 0, now=0.0)
    pacer.start(10.0, waited=False)
    assert pacer.opens() == pytest.approx(12.04)


def test_a_used_up_quota_holds_everybody_and_teaches_no_pace() -> None:
    """A pause, and nothing about speed; one that does not say how long holds nobody."""
    pacer = Pacer()
    pacer.observe(Signals(403, "ERR_403_DEVELOPER_OVER_RATE", retry_after=3600.0), 0.0)
    assert (pacer.opens(), pacer.learned, pacer.guard) == (3600.0, None, 0.01)
    pacer = Pacer()
    pacer.observe(Signals(403, "ERR_403_DEVELOPER_OVER_RATE"), 0.0)
    assert pacer.opens() == -inf


def test_a_quota_is_told_from_a_matter_of_pace() -> None:
    """What holds the last in the queue back, if only limits over an hour or more are looked at."""
    pacer = Pacer([RateLimit(2), RateLimit(5, per=86400.0)])
    burst(pacer, 0.0)
    for _ in range(3):
        pacer.join(0.0)
    assert pacer.quota_opens() == -inf
    pacer.join(0.0)
    assert pacer.quota_opens() == pytest.approx(86400.1)
    minute = Pacer([RateLimit(2, per=60.0)])
    burst(minute, 0.0)
    minute.join(0.0)
    assert minute.quota_opens() == -inf
    hour = Pacer([RateLimit(2, per=3600.0)])
    burst(hour, 0.0)
    hour.join(0.0)
    assert hour.quota_opens() == pytest.approx(3600.1)


@pytest.mark.parametrize(
    "wrong", [(0,), (-1,), (1.5,), (True,), ("9",), (10**7 + 1,), (9, 0), (9, -1.0), (9, float("nan")), (9, inf), (9, True), (9, "1")],
    ids=repr,
)  # fmt: skip
def test_a_limit_checks_itself(wrong: tuple) -> None:
    """What cannot be meant is refused when the limit is made."""
    with pytest.raises(ConfigurationError, match=r"RateLimit: (calls|per) is a"):
        RateLimit(*wrong)


def test_the_ends_of_what_a_limit_takes() -> None:
    """One call in three years, ten million in no time."""
    assert RateLimit(1, per=1e8).per == 1e8
    assert RateLimit(10**7, 1e-9).calls == 10**7


def test_starts_that_come_late_do_not_slow_those_behind() -> None:
    """Each has its turn from the turn before, not from when that start came: a loop that is a little late keeps pace."""
    pacer, now = Pacer([RateLimit(100)]), 0.0
    pacer.observe(Signals(503, retry_after=1.0), 0.0)
    for _ in range(90):
        pacer.join(0.0)
    for _ in range(90):
        now = max(now, pacer.turn()) + 0.008
        pacer.start(now, waited=True)
    assert now == pytest.approx(1.0 + 0.89 + 0.008, abs=0.011)


@pytest.mark.parametrize(
    ("gaps", "opens"),
    [
        pytest.param([0.0] * 99, 1.1, id="all at once"),
        pytest.param([0.01] * 99, 1.01, id="spread"),
        pytest.param([0.0] * 5 + [0.01] * 94, 1.01, id="a clump of five is no burst"),
        pytest.param([0.0] * 11 + [0.01] * 88, 1.1, id="a clump of twelve is one"),
        pytest.param([0.0049] * 10 + [0.01] * 89, 1.1, id="ten in less than half of their time"),
        pytest.param([0.0051] * 10 + [0.01] * 89, 1.01, id="ten in more than half of their time"),
        pytest.param([0.01] * 50 + [0.0] * 49, 1.01, id="a burst later on"),
    ],
)
def test_only_a_burst_has_the_widest_guard(gaps: list[float], opens: float) -> None:
    """A tenth of the calls in less than half of the time that they would take spread; the first of them is what counts."""
    pacer, now = Pacer([RateLimit(100)]), 0.0
    for gap in [0.0, *gaps]:
        now += gap
        pacer.start(now, waited=False)
    assert pacer.opens() == pytest.approx(opens)
    assert pacer.join(now) == pytest.approx(max(opens, now + 0.01))


@pytest.mark.parametrize(("allotted", "learned"), [(9999, RateLimit(9999)), (10_000, None)])
def test_an_allotment_that_nobody_uses_up_is_none(allotted: int, learned: RateLimit | None) -> None:
    """From ten thousand a second on there is nothing to hold back."""
    pacer = Pacer()
    pacer.observe(Signals(200, headroom=Headroom(qps_allotted=allotted)), 0.0)
    assert pacer.learned == learned


def test_a_quota_begins_at_an_hour() -> None:
    """A limit over a little less is a matter of pace."""
    for per, is_quota in ((3600.0, True), (3599.5, False)):
        pacer = Pacer([RateLimit(1, per=per)])
        burst(pacer, 0.0)
        pacer.join(0.0)
        assert (pacer.quota_opens() > 0) is is_quota
