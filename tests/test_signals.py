"""What an answer says between the lines: every form of it, and nothing that a server can send makes it raise."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joinme_async import Headroom, Response, Signals
from joinme_async._http import Headers
from joinme_async._retry._signals import read_retry_after, read_signals

NOW = datetime(2027, 6, 2, 9, tzinfo=UTC)
DATE = ("Date", "Wed, 02 Jun 2027 09:00:00 GMT")


def asked(*values: str, date: tuple[str, str] = DATE, wall: datetime = NOW) -> float | None:
    headers = [date, *(("Retry-After", value) for value in values)]
    return read_retry_after(Response(429, headers), wall)


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([], None),
        (["0"], 0.0),
        (["12"], 12.0),
        (["1.5"], 1.5),
        (["2."], 2.0),
        ([" 3 "], 3.0),
        (["007"], 7.0),
        (["9" * 400], 1e9),
        (["Wed, 02 Jun 2027 09:00:10 GMT"], 10.0),
        (["wed, 02 jun 2027 09:00:10 GMT"], 10.0),
        (["Wednesday, 02-Jun-27 09:01:00 GMT"], 60.0),
        (["Wed Jun  2 10:00:00 2027"], 3600.0),
        (["Wed Jun 12 09:00:00 2027"], 864000.0),
        (["Tue, 01 Jun 2027 09:00:00 GMT"], 0.0),
        (["Wed, 02 Jun 2027 08:59:60 GMT"], 0.0),
        (["Sunday, 06-Nov-94 08:49:37 GMT"], 0.0),
        (["5", "30", "10"], 30.0),
        (["5, 30"], 30.0),
        (["5, Wed, 02 Jun 2027 09:00:10 GMT"], 10.0),
        (["soon", "4"], 4.0),
    ],
)
def test_every_valid_form_of_retry_after(values: list[str], seconds: float | None) -> None:
    """Seconds, fractions, the three HTTP dates and several values at once, of which the largest counts."""
    assert asked(*values) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "", "-1", "+1", "1_000", "٣", "½", "1e3", "0x10", "inf", "nan", "1 s", "5;", "soon",
        "Wed, 02 Jun 2027 9:00:10 GMT", "Wed, 02 Jun 2027 09:00:10 PST", "Wed, 02 Jun 2027 09:00:10 PM GMT",
        "Wed, 31 Jun 2027 09:00:10 GMT", "Wed, 02 Xxx 2027 09:00:10 GMT", "Wed, 02 Jun 2027 25:00:10 GMT",
        "2027-06-02T09:00:10Z", "Monday, February 15, 2016 9:00:00 PM GMT", "Wed, 02 Jun 0000 09:00:10 GMT",
    ],
)  # fmt: skip
def test_anything_else_counts_as_absent(value: str) -> None:
    """What int() or the e-mail date parser would make of it makes no difference: only what HTTP allows is a wait."""
    assert asked(value) is None


def test_a_date_is_measured_against_the_answers_own() -> None:
    """A clock that is an hour wrong here does no harm; without a Date of its own, ours has to do."""
    date = "Wed, 02 Jun 2027 09:00:10 GMT"
    assert asked(date, wall=NOW + timedelta(hours=1)) == 10.0
    assert asked(date, date=("X", ""), wall=NOW + timedelta(seconds=4)) == 6.0
    assert asked(date, date=("Date", "garbage"), wall=NOW + timedelta(seconds=4)) == 6.0


def test_two_digits_of_a_year_are_of_the_nearest_century() -> None:
    """RFC 9110: more than 50 years ahead is the century before."""
    assert asked("Wednesday, 02-Jun-77 09:00:00 GMT") == 1e9  # the bound
    assert asked("Wednesday, 02-Jun-78 09:00:00 GMT") == 0.0


@pytest.mark.parametrize("header", ["X-Mashery-Error-Code", "x-mashery-error-code", "X-MASHERY-ERROR-CODE"])
@pytest.mark.parametrize(
    "code", ["ERR_403_DEVELOPER_OVER_QPS", "err_403_developer_over_qps", "Err_403_Developer_Over_Qps"]
)
def test_the_gateways_code_is_found_in_any_letter_case(header: str, code: str) -> None:
    """Both the name and the value of the header come in any letter case."""
    signals = read_signals(Response(403, {header: code}), NOW)
    assert signals.code == "ERR_403_DEVELOPER_OVER_QPS"
    assert (signals.over_qps, signals.over_rate) == (True, False)


@pytest.mark.parametrize(
    ("code", "over_qps", "over_rate"),
    [
        ("ERR_403_DEVELOPER_OVER_QPS", True, False),
        ("ERR_403_SERVICE_OVER_QPS", True, False),
        ("ERR_403_DEVELOPER_OVER_RATE", False, True),
        ("ERR_403_SERVICE_OVER_RATE", False, True),
        ("ERR_403_DEVELOPER_INACTIVE", False, False),
        ("ERR_403_NOT_AUTHORIZED", False, False),
        ("ERR_403_SOMETHING_NEW", False, False),
        ("ERR_503_SERVICE_UNAVAILABLE", False, False),
        ("ERR_504_SERVICE_OVER_QPS", False, False),
    ],
)
def test_only_the_403_over_codes_are_about_speed(code: str, over_qps: bool, over_rate: bool) -> None:
    """Codes that nobody knows, and those of other statuses, ask for no waiting."""
    signals = read_signals(Response(403, {"X-Mashery-Error-Code": code}), NOW)
    assert (signals.code, signals.over_qps, signals.over_rate) == (code, over_qps, over_rate)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<h1>Developer Over Qps</h1>", "ERR_403_DEVELOPER_OVER_QPS"),
        (b"<html><body><H1> 403 Service  Over Rate </H1>", "ERR_403_SERVICE_OVER_RATE"),
        (b"<h1>Developer Inactive</h1>", "ERR_403_DEVELOPER_INACTIVE"),
        (b"<h1>Not Authorized</h1>", "ERR_403_NOT_AUTHORIZED"),
        (
            b"<?xml version='1.0'?><error><code>ERR_403_DEVELOPER_OVER_RATE</code></error>",
            "ERR_403_DEVELOPER_OVER_RATE",
        ),
        (b"<p>ERR_403_DEVELOPER_OVER_QPS</p><h1>Not Authorized</h1>", "ERR_403_DEVELOPER_OVER_QPS"),
        (b"<h1>You are over QPS</h1>", None),
        (b"<p>Developer Over Qps</p>", None),
        (b"<h1>Developer Over Qps, says the boss</h1>", None),
        (b"VERR_403_DEVELOPER_OVER_QPS", None),
        (b'{"Message": "ERR_403_DEVELOPER_OVER_QPS"}', None),
        (b' [{"name": "<h1>Developer Over Qps</h1>"}]', None),
        (b'{"Message": "no", "ErrorCode": "stale_token"}', "stale_token"),
        (b'{"Message": "no", "ErrorCode": ""}', None),
        (b'{"Message": "no", "ErrorCode": 7}', None),
        (b"[]", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b" " * 20_000 + b"ERR_403_DEVELOPER_OVER_QPS", None),
        (b"<p>" + b" " * 16_000 + b"ERR_403_DEVELOPER_OVER_QPS", "ERR_403_DEVELOPER_OVER_QPS"),
        ("ERR_403_\u017fERVICE_OVER_QPS".encode(), None),
        ("<h1>\u017fervice Over Qps</h1>".encode(), None),
        (b"err_403_service_over_qps", "ERR_403_SERVICE_OVER_QPS"),
    ],
)
def test_a_body_counts_for_a_code_only_where_it_is_the_gateways_own(body: bytes, code: str | None) -> None:
    """A literal code or the gateway's own heading, never words that somebody may have written into a meeting's name."""
    assert read_signals(Response(403, content=body), NOW).code == code


def test_the_header_comes_before_the_body() -> None:
    """Where both name a code, the header's counts."""
    response = Response(403, {"X-Mashery-Error-Code": "ERR_403_NOT_AUTHORIZED"}, b'{"ErrorCode": "stale_token"}')
    assert read_signals(response, NOW).code == "ERR_403_NOT_AUTHORIZED"


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        ({}, b'{"Message": "No such meeting", "ErrorCode": "x"}', "No such meeting"),
        (
            {"X-Error-Detail-Header": "Account Over Queries Per Second Limit"},
            b"<h1>x</h1>",
            "Account Over Queries Per Second Limit",
        ),
        ({}, b"<h1>Gateway Timeout</h1>", "<h1>Gateway Timeout</h1>"),
        ({}, b'{"Message": 7}', '{"Message": 7}'),
        ({}, b'{"Message": "ask boss@join.me"}', "ask ***@***"),
        ({}, b'{"Message": "cut', '{"Message": "cut'),
        ({}, b"", ""),
    ],
)
def test_the_words_of_an_answer(headers: dict[str, str], body: bytes, words: str) -> None:
    """The application's message, else the gateway's detail, else the beginning of the page; masked."""
    assert read_signals(Response(400, headers, body), NOW).message == words


@pytest.mark.parametrize(
    ("code", "bad"),
    [("stale_token", True), ("Invalid_Token", True), ("invalid_request", False), ("server_error", False)],
)
def test_codes_of_a_bad_token(code: str, bad: bool) -> None:
    """`stale_token` and `invalid_token` mean the token, whatever the status."""
    assert read_signals(Response(403, content=f'{{"ErrorCode": "{code}"}}'.encode()), NOW).bad_token is bad


header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
names = st.sampled_from(
    ["Retry-After", "Date", "X-Mashery-Error-Code", "X-Error-Detail-Header", "X-Plan-Qps-Allotted", "X-Plan-Quota-Allotted",
     "X-Packagekey-Quota-Current", "X-Plan-Quota-Reset"]
)  # fmt: skip


@given(
    st.lists(
        st.tuples(
            names,
            header_text
            | st.sampled_from(
                [DATE[1], "Wednesday, 31-Feb-99 09:00:00 GMT", "9" * 5000, "7", "May 1, 9999 9:00:00 PM GMT"]
            ),
        )
    ),
    st.binary(),
)
@example([("Retry-After", "Wed, 02 Jun 9999 23:59:59 GMT")], b"")
def test_no_answer_makes_the_reader_raise(headers: list[tuple[str, str]], body: bytes) -> None:
    """Any headers with any body are read, and a wait is a number of seconds that a date can be made of."""
    for status in (200, 403, 503):
        signals = read_signals(Response(status, Headers(headers), body), NOW)
        for wait in (signals.retry_after, signals.hold, signals.headroom and signals.headroom.quota_reset):
            if wait is not None:
                assert 0 <= wait <= 1e9
                assert NOW + timedelta(seconds=wait)


def allowed(spelling: str = "X-Plan-", **values: str) -> dict[str, str]:
    return {f"{spelling}{name.replace('_', '-')}": value for name, value in values.items()}


@pytest.mark.parametrize("spelling", ["X-Plan-", "X-Packagekey-", "X-Accesstoken-", "x-plan-", "X-PACKAGEKEY-"])
@pytest.mark.parametrize("status", [200, 201, 403, 503])
def test_headroom_in_its_three_spellings(spelling: str, status: int) -> None:
    """What the gateway allows and counts is read from good answers and bad ones, in any letter case."""
    headers = allowed(
        spelling, Qps_Allotted="20", Qps_Current="3", Quota_Allotted="5000", Quota_Current="4999",
        Quota_Reset="Wednesday, June 2, 2027 9:00:30 AM GMT",
    )  # fmt: skip
    signals = read_signals(Response(status, headers), NOW)
    assert signals.headroom == Headroom(20, 3, 5000, 4999, 30.0)


def test_the_tightest_of_several_limits_counts() -> None:
    """Plan, key and token may each have one: the slowest pace, and the quota with the least left."""
    headers = {
        **allowed("X-Plan-", Qps_Allotted="20", Qps_Current="2", Quota_Allotted="100", Quota_Current="10"),
        **allowed("X-Packagekey-", Qps_Allotted="5", Qps_Current="1", Quota_Allotted="1000", Quota_Current="950"),
        **allowed("X-Accesstoken-", Qps_Allotted="9", Quota_Allotted="60"),
    }
    assert read_signals(Response(200, headers), NOW).headroom == Headroom(5, 1, 1000, 950)
    assert read_signals(Response(200, allowed(Qps_Allotted="5")), NOW).headroom == Headroom(5)
    unequal = {
        **allowed(Quota_Allotted="9", Quota_Current="8"),
        **allowed("X-Packagekey-", Quota_Allotted="90", Quota_Current="88"),
    }
    assert read_signals(Response(200, unequal), NOW).headroom == Headroom(quota_allotted=9, quota_current=8)
    unsaid = {**allowed(Quota_Allotted="9"), **allowed("X-Packagekey-", Quota_Allotted="9", Quota_Current="1")}
    assert read_signals(Response(200, unsaid), NOW).headroom == Headroom(quota_allotted=9, quota_current=1)
    first = {**allowed(Quota_Allotted="9", Quota_Current="0"), **allowed("X-Packagekey-", Quota_Allotted="9")}
    assert read_signals(Response(200, first), NOW).headroom == Headroom(quota_allotted=9, quota_current=0)
    assert read_signals(Response(200, allowed(Quota_Allotted="5")), NOW).headroom == Headroom(quota_allotted=5)


@pytest.mark.parametrize("value", ["", "0", "-5", "1_0", "٣", "5.0", "many", "9" * 13, "0x5"])
def test_a_limit_that_is_no_number_is_none(value: str) -> None:
    """Nothing is made of what int() would take and a gateway would not say; a limit of nothing is no limit to go by."""
    assert read_signals(Response(200, allowed(Qps_Allotted=value, Quota_Allotted=value)), NOW).headroom is None


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("Wednesday, June 2, 2027 9:00:10 AM GMT", 10.0),
        ("June 2, 2027 9:00:10 AM GMT", 10.0),
        ("Jun 2, 2027 9:00:10 am GMT", 10.0),
        ("Wednesday, June 02, 2027 09:00:10 PM GMT", 43210.0),
        ("Wednesday, June 2, 2027 12:00:00 PM GMT", 10800.0),
        ("Thursday, June 3, 2027 12:00:00 AM GMT", 54000.0),
        ("Monday, February 15, 2016 9:00:00 PM GMT", 0.0),
        ("Wed, 02 Jun 2027 09:00:30 GMT", 30.0),
        ("Wednesday, June 2, 2027 13:00:00 PM GMT", None),
        ("Wednesday, June 2, 2027 0:00:00 AM GMT", None),
        ("Wednesday, June 31, 2027 9:00:00 AM GMT", None),
        ("Wednesday, Juny 2, 2027 9:00:00 AM GMT", None),
        ("Wednesday, June 2, 2027 9:61:00 AM GMT", None),
        ("Wednesday, June 2, 2027 9:00:00 AM PST", None),
        ("Wednesday, June 2, 2027 9:00:00 GMT", None),
        ("tomorrow", None),
    ],
)
def test_the_reset_is_read_with_its_twelve_hours(reset: str, seconds: float | None) -> None:
    """Noon and midnight are told apart, an evening is not taken for a morning, and garbage is nothing."""
    headers = [DATE, *allowed(Quota_Allotted="5", Quota_Reset=f" {reset}\t").items()]
    found = read_signals(Response(403, headers), NOW + timedelta(hours=5)).headroom
    assert found is not None
    assert found.quota_reset == seconds


OVER_QPS, OVER_RATE = "ERR_403_DEVELOPER_OVER_QPS", "ERR_403_SERVICE_OVER_RATE"


@pytest.mark.parametrize(
    ("signals", "taken", "hold"),
    [
        pytest.param(Signals(200, retry_after=9.0), True, None, id="good, with a stray Retry-After"),
        pytest.param(Signals(404, retry_after=9.0), True, None, id="404"),
        pytest.param(Signals(403, retry_after=9.0), True, None, id="bare 403"),
        pytest.param(Signals(499), True, None, id="499"),
        pytest.param(Signals(500, retry_after=9.0), False, None, id="500"),
        pytest.param(Signals(503), False, None, id="503"),
        pytest.param(Signals(503, retry_after=9.0), False, 9.0, id="503 that asks for a pause"),
        pytest.param(Signals(429), False, 1.0, id="429"),
        pytest.param(Signals(429, retry_after=0.0), False, 1.0, id="429 for no time"),
        pytest.param(Signals(429, retry_after=0.25), False, 0.25, id="429 for a moment"),
        pytest.param(Signals(403, OVER_RATE, retry_after=0.0), False, 1.0, id="over rate for no time"),
        pytest.param(Signals(403, OVER_RATE, retry_after=0.25), False, 1.0, id="over rate for a moment"),
        pytest.param(Signals(403, OVER_RATE, headroom=Headroom(quota_reset=0.0)), False, 1.0, id="a reset that is past"),
        pytest.param(Signals(429, retry_after=9.0), False, 9.0, id="429 for a time"),
        pytest.param(Signals(429, OVER_RATE), False, None, id="429 of a quota"),
        pytest.param(Signals(403, OVER_QPS), False, 1.0, id="over qps"),
        pytest.param(Signals(403, OVER_RATE), False, None, id="over rate"),
        pytest.param(Signals(403, OVER_RATE, retry_after=9.0), False, 9.0, id="over rate for a time"),
        pytest.param(Signals(403, OVER_RATE, headroom=Headroom(quota_reset=7.0)), False, 7.0, id="over rate until the reset"),
        pytest.param(
            Signals(403, OVER_RATE, retry_after=9.0, headroom=Headroom(quota_reset=7.0)), False, 9.0, id="both: what was asked",
        ),
        pytest.param(Signals(400, OVER_QPS, retry_after=9.0), True, None, id="the code on another status"),
        pytest.param(Signals(404, OVER_QPS, retry_after=9.0), True, None, id="the code on a 404"),
        pytest.param(Signals(402, OVER_RATE), True, None, id="the quota's code on a 402"),
        pytest.param(Signals(500, OVER_QPS, retry_after=9.0), False, None, id="the code on a 500"),
        pytest.param(Signals(504, retry_after=9.0), False, None, id="504"),
        pytest.param(Signals(502, retry_after=9.0), False, None, id="502"),
    ],
)  # fmt: skip
def test_what_an_answer_means_for_those_who_wait(signals: Signals, taken: bool, hold: float | None) -> None:
    """Whether it counts for what the service lets through, and for how long nobody should call."""
    assert (signals.taken, signals.hold) == (taken, hold)


def test_a_good_answer_is_not_searched() -> None:
    """A meeting's name may hold anything: of a 2xx only the headroom headers are read."""
    response = Response(200, {"Retry-After": "9", "X-Mashery-Error-Code": OVER_QPS}, b"<h1>Developer Over Qps</h1>")
    assert read_signals(response, NOW) == Signals(200)
    assert read_signals(Response(299), NOW) == Signals(299)
    assert read_signals(Response(200, {"X-Something-Else": "7", "Z-Plan-Qps-Allotted": "7"}), NOW) == Signals(200)
    assert read_signals(response, NOW) is read_signals(Response(200), NOW)
