"""Wall-clock times are never guessed, and the service's date-times are read leniently and written strictly."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joinme_async import InvalidMeetingError, _times, zoned
from joinme_async._times import format_instant, parse_instant

LONDON = "Europe/London"


@pytest.mark.parametrize(
    ("wall", "fold", "utc"),
    [
        pytest.param(datetime(2027, 6, 2, 10), None, datetime(2027, 6, 2, 9), id="summer"),
        pytest.param(datetime(2027, 1, 2, 10), None, datetime(2027, 1, 2, 10), id="winter"),
        pytest.param(datetime(2027, 6, 2, 10), 1, datetime(2027, 6, 2, 9), id="fold where there is none to choose"),
        pytest.param(datetime(2027, 3, 28, 0, 59), None, datetime(2027, 3, 28, 0, 59), id="before the gap"),
        pytest.param(datetime(2027, 3, 28, 2), None, datetime(2027, 3, 28, 1), id="after the gap"),
        pytest.param(datetime(2027, 10, 31, 1, 30), 0, datetime(2027, 10, 31, 0, 30), id="first of two"),
        pytest.param(datetime(2027, 10, 31, 1, 30), 1, datetime(2027, 10, 31, 1, 30), id="second of two"),
        pytest.param(datetime(2027, 10, 31, 2), None, datetime(2027, 10, 31, 2), id="after the hour that comes twice"),
        pytest.param(datetime(2027, 6, 2, 10, fold=1), None, datetime(2027, 6, 2, 9), id="fold of the datetime itself"),
    ],
)
def test_a_wall_time_becomes_its_instant(wall: datetime, fold: int | None, utc: datetime) -> None:
    """A time that clocks show once is that instant; one they show twice is the one that fold says."""
    moment = zoned(wall, LONDON, fold)
    assert moment.astimezone(UTC) == utc.replace(tzinfo=UTC)
    assert moment.replace(tzinfo=None) == wall.replace(fold=0)


@pytest.mark.parametrize(
    ("wall", "zone", "fold", "says"),
    [
        pytest.param(datetime(2027, 3, 28, 1, 30), LONDON, None, "does not exist", id="skipped"),
        pytest.param(datetime(2027, 3, 28, 1, 30), LONDON, 0, "does not exist", id="skipped, whatever fold says"),
        pytest.param(
            datetime(2027, 10, 31, 1, 30), LONDON, None, r"fold=0 is .*\+01:00, fold=1 is .*\+00:00", id="twice"
        ),
        pytest.param(datetime(2027, 6, 2, tzinfo=UTC), LONDON, None, "already has a zone", id="aware"),
        pytest.param(datetime(2027, 6, 2), "Europe/Lodnon", None, "no time zone named 'Europe/Lodnon'", id="unknown"),
        pytest.param(datetime(2027, 6, 2), "", None, "no time zone", id="empty zone"),
        pytest.param(datetime(2027, 6, 2), "Europe", None, "no time zone", id="a folder of zones"),
        pytest.param(datetime(2027, 6, 2), "../../etc/passwd", None, "no time zone", id="a path"),
        pytest.param(datetime(2027, 6, 2), "boss@join.me", None, r"\*\*\*@\*\*\*", id="an address in the wrong place"),
        pytest.param(datetime(2027, 6, 2), LONDON, 2, "fold is 0", id="fold of 2"),
        pytest.param(datetime.min, "Asia/Tokyo", None, "outside the years", id="before the year 1"),
    ],
)
def test_an_hour_is_never_guessed(wall: datetime, zone: str, fold: int | None, says: str) -> None:
    """What is not one certain instant is refused, and the message says why."""
    with pytest.raises(InvalidMeetingError, match=says):
        zoned(wall, zone, fold)


def test_text_is_no_wall_time() -> None:
    """Not even a well-written one."""
    with pytest.raises(InvalidMeetingError, match="takes a datetime, not str"):
        zoned("2027-06-02T09:00", LONDON)  # type: ignore[arg-type]
    with pytest.raises(InvalidMeetingError, match="and a str"):
        zoned(datetime(2027, 6, 2), ZoneInfo(LONDON))  # type: ignore[arg-type]


@given(st.datetimes(datetime(1950, 1, 1), datetime(2037, 1, 1)), st.timezone_keys())
def test_zoned_agrees_with_the_clock_on_the_wall(wall: datetime, zone: str) -> None:
    """Whatever is accepted, clocks in that zone show it; whatever is refused, fold decides or nothing does."""
    try:
        assert zoned(wall, zone).replace(tzinfo=None, fold=0) == wall
    except InvalidMeetingError as error:
        if "comes twice" in str(error):
            assert (
                zoned(wall, zone, 0) != zoned(wall, zone, 1)
                or zoned(wall, zone, 0).utcoffset() != zoned(wall, zone, 1).utcoffset()
            )
        else:
            assert "does not exist" in str(error)


NINE = datetime(2015, 6, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-06-02T09:00:00Z", NINE),
        ("2015-06-02t09:00:00z", NINE),
        ("2015-06-02 09:00:00Z", NINE),
        ("2015-06-02T09:00:00", NINE),
        ("2015-06-02T09:00:00.000Z", NINE),
        ("2015-06-02T09:00:00.1234567Z", NINE + timedelta(microseconds=123456)),
        ("2015-06-02T11:00:00+02:00", NINE),
        ("2015-06-02T04:30:00-0430", NINE),
        ("2015-06-02T10:00:00+01", NINE),
    ],
)
def test_date_times_are_read_leniently(text: str, moment: datetime) -> None:
    """Fractions, lower case and offsets are understood; without an offset it is UTC."""
    assert parse_instant(text) == moment
    assert parse_instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2015-06-32T10:00:00Z",  # stands in the service's own example
        "2015-13-01T10:00:00Z",
        "2015-06-02T24:00:01Z",
        "2015-06-02T09:00:60Z",
        "2015-06-02",
        "20150602T090000Z",
        "2015-W23-2T09:00:00Z",
        "２０１５-06-02T09:00:00Z",
        "2015-06-02T09:00:00Z ",
        "0001-01-01T00:00:00+01:00",
        "2015-06-02T09:00:00+25:00",
        "now",
    ],
)
def test_what_is_no_date_time_is_a_value_error(text: str) -> None:
    """Impossible and foreign dates are refused with ValueError and nothing else."""
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


@given(st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0)))
def test_writing_then_reading_is_the_identity(moment: datetime) -> None:
    """Every whole second survives the wire, written with four digits of a year and a Z."""
    text = format_instant(moment)
    assert parse_instant(text) == moment
    assert len(text) == len("2027-06-02T09:00:00Z")


@given(st.text())
def test_any_text_is_read_or_refused_with_value_error(text: str) -> None:
    """No text makes the reader raise anything else."""
    try:
        assert parse_instant(text).utcoffset() == timedelta(0)
    except ValueError:
        pass


near_instants = st.from_regex(
    r"[0-9W]{4}[-0-9T][0-9W]{2}[-0-9][0-9]{2}[Tt _0-9][0-9]{2}[:0-9][0-9]{2}[:0-9][0-9.]{2}[Zz0]", fullmatch=True
)


@given(
    st.datetimes(timezones=st.just(UTC)).map(format_instant)
    | near_instants
    | st.text(st.sampled_from("0129-T:Z.Ww ٣x"), min_size=20, max_size=20)
)
@example("2027-06-02T09:00:00Z")
@example("2027-W22-3T09:00:00Z")
@example("20270602T090000.123Z")
@example("2027-06-02T24:00:00Z")
@example("2027-06-02T09:00:60Z")
@example("0000-06-02T09:00:00Z")
@example("2027-06-02T09:00:٠٠Z")
def test_the_short_way_reads_what_the_long_way_reads(text: str) -> None:
    """A date-time in the form that the service writes goes to datetime at once; nothing is read or said otherwise."""

    def read() -> object:
        try:
            moment = parse_instant(text)
        except ValueError as error:
            return str(error)
        return moment, moment.tzinfo

    short = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_times, "PLAIN_MARKS", None)
        assert read() == short
