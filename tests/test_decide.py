"""What follows from what happened: the table, line by line."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from joinme_async import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    DeadlineExceededError,
    JoinMeError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitedError,
    Response,
    RetryPolicy,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from joinme_async._http import Secret
from joinme_async._models import UNSET, Changes
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
)
from joinme_async._retry._signals import Headroom, Signals
from joinme_async._wire import delete_call, get_call, raw_call, schedule_call, update_call
from tests.conftest import new_meeting

NOW = datetime(2027, 6, 2, 9, tzinfo=UTC)


def status_error(answer: Response, wall: datetime) -> JoinMeError:
    return outcome_of(answer, wall).error


def gateway(code: str, **headers: str) -> Response:
    return Response(403, {"X-Mashery-Error-Code": code, **headers}, b"<h1>no</h1>")


def app(status: int, code: str) -> Response:
    return Response(status, {}, f'{{"Message": "no", "ErrorCode": "{code}"}}'.encode())


@pytest.mark.parametrize(
    ("answer", "kind", "code", "wait"),
    [
        pytest.param(app(400, "invalid_request"), BadRequestError, "invalid_request", None, id="400"),
        pytest.param(app(401, "invalid_token"), AuthenticationError, "invalid_token", None, id="401"),
        pytest.param(app(401, "stale_token"), AuthenticationError, "stale_token", None, id="401 stale"),
        pytest.param(app(403, "stale_token"), AuthenticationError, "stale_token", None, id="403 stale"),
        pytest.param(app(403, "invalid_token"), AuthenticationError, "invalid_token", None, id="403 invalid"),
        pytest.param(app(400, "stale_token"), BadRequestError, "stale_token", None, id="400 stale"),
        pytest.param(app(404, "invalid_token"), NotFoundError, "invalid_token", None, id="404 invalid"),
        pytest.param(Response(403), PermissionDeniedError, None, None, id="bare 403"),
        pytest.param(app(403, "no_scope"), PermissionDeniedError, "no_scope", None, id="403 of the application"),
        pytest.param(gateway("ERR_403_NOT_AUTHORIZED"), PermissionDeniedError, "ERR_403_NOT_AUTHORIZED", None, id="key"),
        pytest.param(gateway("ERR_403_NEW"), PermissionDeniedError, "ERR_403_NEW", None, id="unknown code"),
        pytest.param(app(404, "not_found"), NotFoundError, "not_found", None, id="404"),
        pytest.param(Response(409), APIStatusError, None, None, id="409"),
        pytest.param(Response(408), APIStatusError, None, None, id="408"),
        pytest.param(Response(418, {"Retry-After": "7"}), APIStatusError, None, None, id="418"),
        pytest.param(Response(429, {"Retry-After": "7"}), RateLimitedError, None, 7, id="429"),
        pytest.param(Response(429), RateLimitedError, None, 1, id="429 that does not say how long"),
        pytest.param(
            gateway("ERR_403_DEVELOPER_OVER_QPS", **{"Retry-After": "2"}),
            RateLimitedError, "ERR_403_DEVELOPER_OVER_QPS", 2, id="over qps",
        ),
        pytest.param(gateway("ERR_403_SERVICE_OVER_QPS"), RateLimitedError, "ERR_403_SERVICE_OVER_QPS", 1, id="over qps, bare"),
        pytest.param(
            gateway("ERR_403_DEVELOPER_OVER_RATE", **{"Retry-After": "7200"}),
            QuotaExceededError, "ERR_403_DEVELOPER_OVER_RATE", 7200, id="over rate",
        ),
        pytest.param(gateway("ERR_403_SERVICE_OVER_RATE"), QuotaExceededError, "ERR_403_SERVICE_OVER_RATE", None, id="quota, bare"),
        pytest.param(
            Response(429, {"X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_RATE", "Retry-After": "9"}),
            QuotaExceededError, "ERR_403_DEVELOPER_OVER_RATE", 9, id="quota as 429",
        ),
        pytest.param(
            Response(400, {"X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_QPS"}),
            BadRequestError, "ERR_403_DEVELOPER_OVER_QPS", None, id="an over code on another status",
        ),
        pytest.param(app(500, "server_error"), ServerError, "server_error", None, id="500"),
        pytest.param(Response(502, {}, b"<html>"), ServerError, None, None, id="502"),
        pytest.param(Response(599), ServerError, None, None, id="599"),
    ],
)  # fmt: skip
def test_each_error_answer_has_its_class(
    answer: Response, kind: type[APIStatusError], code: str | None, wait: float | None
) -> None:
    """Status, gateway code and application code together name one class, with its facts."""
    error = status_error(answer, NOW)
    assert type(error) is kind
    assert isinstance(error, APIStatusError)
    assert (error.status, error.code) == (answer.status, code)
    expected = NOW + timedelta(seconds=wait) if wait is not None else None
    assert getattr(error, "retry_at", None) == expected
    assert str(answer.status) in str(error)


def test_what_the_answer_asked_is_kept_apart_from_what_we_assume() -> None:
    """`retry_after` is what the answer said, on any error; `retry_at` has a second where a refusal did not say."""
    assert status_error(Response(503, {"Retry-After": "30"}), NOW).retry_after == 30.0  # type: ignore[union-attr]
    assert status_error(Response(429), NOW).retry_after is None  # type: ignore[union-attr]


@pytest.mark.parametrize("status", [100, 199, 300, 302, 307, 399, 600, 999])
def test_an_answer_of_no_kind_is_unexpected(status: int) -> None:
    """A redirect is never followed, and a status that HTTP does not know is no answer."""
    error = status_error(Response(status, {"Location": "https://evil.example"}, b"moved"), NOW)
    assert type(error) is UnexpectedResponseError
    assert (error.status, error.excerpt) == (status, "moved")
    assert str(error).endswith(" (moved)")
    assert not str(status_error(Response(status), NOW)).endswith(")")
    assert ("base URL" in str(error)) is (300 <= status < 400)


RENAME = Changes("x", UNSET, UNSET, Secret(UNSET), UNSET)
READ, CHANGE, DELETE, CREATE = get_call(7), update_call(7, RENAME), delete_call(7), schedule_call(new_meeting())
RAW_CREATE = raw_call("POST", "/x", Secret(None), Secret({}))
FIRST = Situation(tried=1, left=60.0, chance=0.5)
POLICY = RetryPolicy()

UNREADABLE = UnexpectedResponseError("not JSON", status=201)
LATE = TransportTimeoutError("late")


@pytest.mark.parametrize(
    ("happened", "perhaps_done"),
    [
        pytest.param(TransportError("refused", request_sent=False), False, id="not sent"),
        pytest.param(TransportTimeoutError("no connection", request_sent=False), False, id="not sent in time"),
        pytest.param(ConfigurationError("closed"), False, id="cannot send at all"),
        pytest.param(TransportError("reset"), True, id="answer lost"),
        pytest.param(LATE, True, id="answer late"),
        pytest.param(DeadlineExceededError("over", last=LATE), True, id="cut off by the deadline"),
        pytest.param(Response(408), True, id="408"),
        pytest.param(Response(500), True, id="500"),
        pytest.param(Response(501), True, id="501"),
        pytest.param(Response(502), True, id="502"),
        pytest.param(Response(503), True, id="503"),
        pytest.param(Response(504), True, id="504"),
        pytest.param(UNREADABLE, True, id="2xx that cannot be read"),
        pytest.param(UnexpectedResponseError("no status"), True, id="an answer of which nothing is known"),
        pytest.param(Response(700), True, id="a status that is none"),
        pytest.param(Response(307), False, id="redirect"),
        pytest.param(Response(400), False, id="400"),
        pytest.param(Response(403), False, id="403"),
        pytest.param(Response(404), False, id="404"),
        pytest.param(Response(409), False, id="409"),
        pytest.param(Response(429), False, id="429"),
        pytest.param(gateway("ERR_403_DEVELOPER_OVER_QPS"), False, id="over qps"),
        pytest.param(gateway("ERR_403_DEVELOPER_OVER_RATE"), False, id="over rate"),
    ],
)
def test_a_create_that_may_have_happened_is_an_unknown_outcome(
    happened: Response | JoinMeError, perhaps_done: bool
) -> None:
    """Of a POST it is said plainly whether it may have been carried out, and it is never sent again if it may."""
    outcome = outcome_of(happened, NOW)
    assert maybe_done(outcome.error) is perhaps_done
    for call in (CREATE, RAW_CREATE):
        verdict = decide(call, outcome, POLICY, FIRST)
        if perhaps_done:
            assert isinstance(verdict, GiveUp)
            assert isinstance(verdict.error, OutcomeUnknownError)
            assert verdict.error.meeting == call.meeting
            assert verdict.error.last is outcome.error
            assert str(outcome.error) in str(verdict.error)
            assert ("meetings.ensure(error.meeting)" in str(verdict.error)) is (call is CREATE)
        else:
            assert verdict.error is outcome.error


@pytest.mark.parametrize("call", [READ, CHANGE, DELETE, CREATE], ids=lambda call: call.method)
@pytest.mark.parametrize(
    "answer", [app(401, "x"), app(403, "stale_token"), app(403, "invalid_token")], ids=["401", "stale", "invalid"]
)
def test_a_refused_token_is_renewed_once(call: Any, answer: Response) -> None:
    """A refused token was refused before any work, so any call goes again once with another, and never twice."""
    outcome = outcome_of(answer, NOW)
    assert decide(call, outcome, RetryPolicy.never(), FIRST) == SendAgain(0.0, Why.TOKEN, outcome.error)
    assert decide(call, outcome, POLICY, attrs.evolve(FIRST, token_renewed=True)) == GiveUp(outcome.error)


NOT_SENT = TransportError("refused", request_sent=False)
LOST = TransportError("reset")
PASSING = ["not sent", "408", "500", "502", "503", "504", "lost", "late"]
HAPPENINGS: dict[str, Response | JoinMeError] = {
    "not sent": NOT_SENT, "lost": LOST, "late": LATE, "unreadable": UNREADABLE,
    "deadline": DeadlineExceededError("over", last=LATE), "cannot": ConfigurationError("closed"),
    **{str(status): Response(status) for status in (302, 400, 403, 404, 408, 409, 418, 500, 501, 502, 503, 504, 505, 599)},
}  # fmt: skip


@pytest.mark.parametrize("name", HAPPENINGS)
@pytest.mark.parametrize(
    "call", [READ, CHANGE, DELETE, CREATE, RAW_CREATE], ids=["GET", "PATCH", "DELETE", "POST", "raw POST"]
)
def test_what_is_sent_again_and_what_is_not(name: str, call: Any) -> None:
    """The table: what may pass is repeated after a back-off, of a POST only what never left; all else is the error."""
    outcome = outcome_of(HAPPENINGS[name], NOW)
    creates = call in (CREATE, RAW_CREATE)
    again = name == "not sent" if creates else name in PASSING or (name == "unreadable" and call is READ)
    verdict = decide(call, outcome, POLICY, FIRST)
    if again:
        assert verdict == SendAgain(0.25, Why.BACK_OFF, outcome.error)
    else:
        assert isinstance(verdict, GiveUp)
        assert creates or verdict.error is outcome.error
    # Nothing makes a call repeat itself for ever, and nothing is repeated that the policy or the budget forbids.
    for change in ({"tried": 4}, {"tried": 5}, {"tried": 400}, {"affordable": False}, {"left": 0.25}, {"left": 0.1}):
        forbidden = attrs.evolve(FIRST, **change)
        assert isinstance(decide(call, outcome, POLICY, forbidden), GiveUp)
    assert isinstance(decide(call, outcome, RetryPolicy.never(), FIRST), GiveUp)


def test_an_unreadable_answer_is_read_once_more_only() -> None:
    """A GET that could not be read goes out once more; the second time it is the answer that is wrong."""
    outcome = outcome_of(UNREADABLE, NOW)
    assert decide(READ, outcome, POLICY, attrs.evolve(FIRST, tried=2, reread=True)) == GiveUp(UNREADABLE)
    redirect = outcome_of(Response(302), NOW)
    assert decide(READ, redirect, POLICY, FIRST) == GiveUp(redirect.error)
    vague = UnexpectedResponseError("of which nothing is known")
    assert decide(READ, Outcome(vague), POLICY, FIRST) == GiveUp(vague)


@pytest.mark.parametrize(
    ("tried", "chance", "asked", "wait"),
    [
        (1, 0.0, None, 0.0), (1, 1.0, None, 0.5), (2, 1.0, None, 1.0), (3, 1.0, None, 2.0), (5, 1.0, None, 8.0),
        (9, 0.5, None, 4.0), (900, 1.0, None, 8.0), (1, 1.0, "3", 3.0), (1, 0.0, "3", 3.0), (9, 1.0, "3", 8.0), (1, 0.5, "0", 0.25),
    ],
)  # fmt: skip
def test_back_off_is_drawn_evenly_and_never_shorter_than_asked(
    tried: int, chance: float, asked: str | None, wait: float
) -> None:
    """Full jitter up to base * 2**n and the cap; what the service asked is a floor under it."""
    outcome = outcome_of(Response(503, {"Retry-After": asked} if asked else {}), NOW)
    situation = Situation(tried=tried, left=60.0, chance=chance)
    verdict = decide(READ, outcome, RetryPolicy(attempts=1000), situation)
    assert verdict == SendAgain(wait, Why.BACK_OFF, outcome.error)


SLOW = Response(429, {"Retry-After": "5"})
USED_UP = gateway("ERR_403_DEVELOPER_OVER_RATE", **{"Retry-After": "5"})


@pytest.mark.parametrize("call", [READ, CHANGE, DELETE, CREATE, RAW_CREATE], ids=lambda call: call.method)
@pytest.mark.parametrize("answer", [SLOW, USED_UP, gateway("ERR_403_SERVICE_OVER_QPS", **{"Retry-After": "5"})])
def test_what_was_refused_before_any_work_goes_again(call: Any, answer: Response) -> None:
    """Any call, however often it was tried and whatever the budget holds, as long as the wait fits the deadline."""
    outcome = outcome_of(answer, NOW)
    tired = Situation(tried=99, left=5.1, chance=1.0, affordable=False, token_renewed=True, reread=True, in_doubt=True)
    assert decide(call, outcome, POLICY, tired) == SendAgain(5.0, Why.REFUSED, outcome.error)
    for left in (5.0, 4.9, 0.0):
        assert decide(call, outcome, POLICY, attrs.evolve(tired, left=left)) == GiveUp(outcome.error)
    assert decide(call, outcome, RetryPolicy.never(), tired) == GiveUp(outcome.error)


def test_a_refusal_that_does_not_say_how_long() -> None:
    """For speed, a second; for a quota nobody knows, unless the headroom tells when it begins anew."""
    again = decide(CREATE, outcome_of(Response(429), NOW), POLICY, FIRST)
    assert isinstance(again, SendAgain)
    assert again.after == 1.0
    code = "ERR_403_DEVELOPER_OVER_RATE"
    assert isinstance(decide(CREATE, outcome_of(gateway(code), NOW), POLICY, FIRST), GiveUp)
    reset = gateway(code, **{"X-Plan-Quota-Allotted": "9", "X-Plan-Quota-Reset": "Wed, 02 Jun 2027 09:00:30 GMT"})
    again = decide(CREATE, outcome_of(reset, NOW), POLICY, FIRST)
    assert isinstance(again, SendAgain)
    assert again.after == 30.0


@pytest.mark.parametrize("in_doubt", [False, True])
def test_a_meeting_that_is_gone_was_deleted_by_the_attempt_before(in_doubt: bool) -> None:
    """A 404 to a DELETE after an attempt in doubt is what was wanted; any other 404 is an error."""
    outcome, situation = outcome_of(Response(404), NOW), attrs.evolve(FIRST, in_doubt=in_doubt)
    assert decide(DELETE, outcome, POLICY, situation) == (Accept() if in_doubt else GiveUp(outcome.error))
    for call in (READ, CHANGE, CREATE):
        assert decide(call, outcome, POLICY, situation) == GiveUp(outcome.error)
    other = outcome_of(Response(403), NOW)
    assert decide(DELETE, other, POLICY, situation) == GiveUp(other.error)


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0}, {"attempts": 1001}, {"attempts": 2.0}, {"attempts": True}, {"attempts": "4"}, {"base": -0.1},
        {"base": float("nan")}, {"cap": float("inf")}, {"cap": 3601}, {"settle": -1}, {"settle": 86401}, {"settle": None},
        {"budget": 1.1}, {"budget": -0.1}, {"floor": -1}, {"floor": 0.5}, {"floor": 10**6 + 1}, {"base": 10**400},
    ],
    ids=lambda wrong: f"{wrong!r:.20}",
)  # fmt: skip
def test_a_policy_checks_itself(wrong: dict[str, Any]) -> None:
    """What cannot be meant is refused when the policy is made, by the name of the field."""
    (name,) = wrong
    with pytest.raises(ConfigurationError, match=f"RetryPolicy: {name} is"):
        RetryPolicy(**wrong)


def test_the_ends_of_what_a_policy_takes() -> None:
    """The smallest and largest values are good ones."""
    RetryPolicy(attempts=1, base=0, cap=0, settle=0, budget=0, floor=0)
    for wrong in ({"base": 3601}, {"cap": -1}):
        with pytest.raises(ConfigurationError):
            RetryPolicy(**wrong)
    RetryPolicy(attempts=1000, base=3600, cap=3600, settle=86400, budget=1, floor=10**6)
    assert RetryPolicy.never() == RetryPolicy(attempts=1, refusals=False)
    assert RetryPolicy() == RetryPolicy(attempts=4, base=0.5, cap=8.0, settle=2.0, budget=0.1, floor=10, refusals=True)


def test_a_budget_saves_a_share_of_calls_up_to_its_floor() -> None:
    """It begins full, never holds more than its floor, pays for whole repeats only, and takes back what was worth it."""
    budget = Budget(0.25, 2)
    budget.pay_in()
    assert repr(budget) == "<Budget: 2.0 repeats>"
    budget.spend()
    budget.spend()
    held = []
    for _ in range(4):
        held.append(budget.has_one)
        budget.pay_in()
    assert held == [False] * 4
    assert budget.has_one
    assert repr(budget) == "<Budget: 1.0 repeats>"
    budget.spend()
    budget.give_back()
    assert repr(budget) == "<Budget: 1.0 repeats>"
    for _ in range(2):
        budget.give_back()
        assert (repr(budget), budget.has_one) == ("<Budget: 2.0 repeats>", True)


def test_a_budget_without_a_floor_still_saves_for_one() -> None:
    """A tenth of ten calls is one repeat; a hundred quiet calls are still one."""
    budget = Budget(0.125, 0)
    for _ in range(100):
        assert budget.has_one is (_ >= 8)
        budget.pay_in()
    budget.spend()
    assert not budget.has_one


def test_what_a_cool_down_says_to_those_it_keeps_out() -> None:
    """The class of the error that opened it, with its status and code and the time that is left."""
    quota = signalled_error(Signals(403, "ERR_403_DEVELOPER_OVER_RATE", "used up", retry_after=90.0), NOW)
    assert isinstance(quota, QuotaExceededError)
    assert (quota.status, quota.retry_after, quota.retry_at) == (403, 90.0, NOW + timedelta(seconds=90))
    assert str(quota).endswith("(403 ERR_403_DEVELOPER_OVER_RATE: used up); try again in 90 s")
    down = signalled_error(Signals(503, retry_after=12.0), NOW)
    assert (type(down), down.status, down.retry_after) == (ServerError, 503, 12.0)
    reset = Signals(429, "ERR_403_SERVICE_OVER_RATE", headroom=Headroom(quota_allotted=1, quota_reset=7.0))
    assert signalled_error(reset, NOW).retry_at == NOW + timedelta(seconds=7)  # type: ignore[attr-defined]
