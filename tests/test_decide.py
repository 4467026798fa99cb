"""What follows from what happened: the table, line by line."""

from datetime import UTC, datetime, timedelta
from typing import Any

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
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from joinme_async._http import Secret
from joinme_async._retry._decide import GiveUp, NewToken, judge, status_error
from joinme_async._wire import delete_call, get_call, raw_call, schedule_call
from tests.conftest import new_meeting

NOW = datetime(2027, 6, 2, 9, tzinfo=UTC)


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
    assert ("base URL" in str(error)) is (300 <= status < 400)


READ, DELETE, CREATE = get_call(7), delete_call(7), schedule_call(new_meeting())
RAW_CREATE = raw_call("POST", "/x", Secret(None), Secret({}))

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
    """Of a POST it is said plainly whether it may have been carried out; of any other call the error itself is told."""
    plain = status_error(happened, NOW) if isinstance(happened, Response) else happened
    for call in (READ, DELETE):
        error = judge(call, happened, NOW, token_renewed=False).error
        assert type(error) is type(plain)
    for call in (CREATE, RAW_CREATE):
        verdict = judge(call, happened, NOW, token_renewed=False)
        assert isinstance(verdict, GiveUp)
        assert isinstance(verdict.error, OutcomeUnknownError) is perhaps_done
        if isinstance(verdict.error, OutcomeUnknownError):
            assert verdict.error.meeting == call.meeting
            assert type(verdict.error.last) is type(plain)
            assert str(plain) in str(verdict.error)


@pytest.mark.parametrize("call", [READ, DELETE, CREATE], ids=lambda call: call.method)
@pytest.mark.parametrize(
    "answer", [app(401, "x"), app(403, "stale_token"), app(403, "invalid_token")], ids=["401", "stale", "invalid"]
)
def test_a_refused_token_is_renewed_once(call: Any, answer: Response) -> None:
    """A refused token was refused before any work, so any call goes again once with another, and never twice."""
    first = judge(call, answer, NOW, token_renewed=False)
    assert isinstance(first, NewToken)
    second = judge(call, answer, NOW, token_renewed=True)
    assert isinstance(second, GiveUp)
    assert type(first.error) is type(second.error) is AuthenticationError
