"""Between meetings and the JSON of the service: names, date-times, unknown fields. The only file that knows cattrs."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import attrs
from cattrs import BaseValidationError, ClassValidationError, Converter, IterableValidationError
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from joinme_async._errors import UnexpectedResponseError, excerpt
from joinme_async._http import Response, Secret
from joinme_async._models import UNSET, Changes, Meeting, NewMeeting
from joinme_async._times import PLAIN_LENGTH, PLAIN_MARKS, format_instant, parse_instant

WIRE_NAMES: Final[Mapping[str, str]] = {
    "id": "meetingId",
    "name": "meetingName",
    "start": "meetingStart",
    "end": "meetingEnd",
    "start_with_personal_url": "startWithPersonalUrl",
    "participants": "participants",
    "conference_id": "conferenceId",
    "viewer_link": "viewerLink",
}
T = TypeVar("T")
_KNOWN: Final = frozenset(WIRE_NAMES.values())
_ONLY_TEXT: Final = frozenset({str})
_ID: Final = re.compile(r"[0-9]{1,30}")


@attrs.frozen
class _MeetingList:
    meetings: list[Meeting]


# What a body raises that is not as documented, and a string in place of one.
_NOT_PLAIN: Final = (LookupError, TypeError, ValueError)
_LEAST: Final = 5  # fields that every meeting has
# Looked up once.
_blank: Final = object.__new__
_moment: Final = datetime.fromisoformat

# In this order, since a bool is an int.
_KINDS: Final = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


def _kind(value: object) -> str:
    """Name what JSON calls the kind of `value`; the value itself may be somebody's address."""
    return next((name for kind, name in _KINDS.items() if isinstance(value, kind)), "null")


class _WrongError(ValueError):
    """What is wrong with a value of the body; its words are shown to the user."""


def _exactly(kind: type, wanted: str) -> Callable[[Any, Any], Any]:
    def structure(value: object, _: object) -> object:
        if not isinstance(value, kind):
            raise _WrongError(f"expected {wanted}, got {_kind(value)}")
        return value

    return structure


def _structure_id(value: object, _: object = None) -> int:
    # The service documents an integer; strings have been seen from services like it, and lose nothing.
    if isinstance(value, str) and _ID.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _WrongError(f"expected an integer, got {_kind(value)}")
    if value <= 0:
        raise _WrongError("expected a positive integer")
    return value


def _structure_digits(value: object, _: object = None) -> str | None:
    """Read a conference id: nine digits that some JSON writer may have taken for a number."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _WrongError(f"expected a string, got {_kind(value)}")


def _structure_instant(value: object, _: object) -> datetime:
    if not isinstance(value, str):
        raise _WrongError(f"expected a date-time, got {_kind(value)}")
    try:
        return parse_instant(value)
    except ValueError as error:
        raise _WrongError(f"no date-time: {error}") from error


def _structure_addresses(value: object, _: object = None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise _WrongError(f"expected a list of strings, got {_kind(value)}")
    if not _ONLY_TEXT.issuperset(map(type, value)):
        raise _WrongError("expected a list of strings, and it holds something else")
    return tuple(value)


class _Draft(Meeting):
    """A meeting that is being read: laid out as a `Meeting`, which it becomes once it is whole, and not frozen yet.

    To set its fields through the guard of a frozen class would take most of the time of a long list.
    """

    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__  # without which Python would not take the short way of the line above


def _read_plainly(body: Any) -> Meeting:  # noqa: ANN401  whatever the service said
    """Return the meeting in a body that is as documented; raise any of `_NOT_PLAIN` for one to be read in detail.

    What it returns is what the converter makes of the same body.
    """
    start, end = body["meetingStart"], body["meetingEnd"]
    if start[4::3] != PLAIN_MARKS or end[4::3] != PLAIN_MARKS or len(start) + len(end) != 2 * PLAIN_LENGTH:
        raise _WrongError
    draft: Any = _blank(_Draft)
    draft.id = number = body["meetingId"]
    draft.name = name = body["meetingName"]
    draft.start = _moment(start)
    draft.end = _moment(end)
    draft.start_with_personal_url = flag = body["startWithPersonalUrl"]
    if type(number) is not int or number <= 0 or type(name) is not str or type(flag) is not bool:
        raise _WrongError
    draft.participants = draft.conference_id = draft.viewer_link = None
    draft.extra = _read_rest(draft, body) if len(body) > _LEAST else {}
    draft.__class__ = Meeting
    meeting: Meeting = draft
    return meeting


def _read_rest(draft: Any, body: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Read the fields that an answer may leave out, and return those that nobody knows."""
    draft.participants = _structure_addresses(body.get("participants"))
    draft.conference_id = _structure_digits(body.get("conferenceId"))
    draft.viewer_link = viewer_link = body.get("viewerLink")
    if viewer_link is not None and type(viewer_link) is not str:
        raise _WrongError
    if body.keys() <= _KNOWN:
        return {}
    return {key: body[key] for key in sorted(body.keys() - _KNOWN)}


def _make_converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(str, _exactly(str, "a string"))
    converter.register_structure_hook(bool, _exactly(bool, "true or false"))
    converter.register_structure_hook(datetime, _structure_instant)
    converter.register_unstructure_hook(datetime, format_instant)
    special = {"id": _structure_id, "participants": _structure_addresses, "conference_id": _structure_digits}
    names: Any = {name: override(rename=wire, struct_hook=special.get(name)) for name, wire in WIRE_NAMES.items()}
    read = make_dict_structure_fn(Meeting, converter, extra=override(omit=True), **names)

    def structure_meeting(body: Any, kind: Any) -> Meeting:  # noqa: ANN401  whatever the service said
        try:
            return _read_plainly(body)
        except _NOT_PLAIN:
            pass
        if not isinstance(body, dict):
            raise _WrongError(f"expected an object, got {_kind(body)}")
        meeting = read(body, kind)
        unknown = body.keys() - _KNOWN
        return attrs.evolve(meeting, extra={key: body[key] for key in sorted(unknown)}) if unknown else meeting

    def structure_list(body: Any, _: object) -> _MeetingList:  # noqa: ANN401
        if not isinstance(body, dict) or not isinstance(body.get("meetings"), list):
            raise _WrongError('expected an object with a list "meetings"')
        try:
            return _MeetingList([_read_plainly(item) for item in body["meetings"]])
        except _NOT_PLAIN:
            return read_list(body, _MeetingList)

    converter.register_structure_hook(Meeting, structure_meeting)
    read_list = make_dict_structure_fn(_MeetingList, converter)
    converter.register_structure_hook(_MeetingList, structure_list)
    write_names: Any = {field.name: override(rename=WIRE_NAMES[field.name]) for field in attrs.fields(NewMeeting)}
    converter.register_unstructure_hook(NewMeeting, make_dict_unstructure_fn(NewMeeting, converter, **write_names))
    return converter


_converter: Final = _make_converter()
_structure_meeting: Final = _converter.get_structure_hook(Meeting)
_structure_list: Final = _converter.get_structure_hook(_MeetingList)


def _troubles(error: BaseException, place: str = "") -> Iterator[tuple[str, BaseException]]:
    """Yield (place in the body, what is wrong there) for everything cattrs found."""
    if isinstance(error, ClassValidationError):
        for inner, attribute in error.group_exceptions()[0]:
            yield from _troubles(inner, f"{place}.{WIRE_NAMES.get(attribute.name, attribute.name)}".lstrip("."))
    elif isinstance(error, IterableValidationError):
        for inner, item in error.group_exceptions()[0]:
            yield from _troubles(inner, f"{place}[{item.index}]")
    elif isinstance(error, KeyError):
        yield place, _WrongError("it is missing")
    else:
        yield place, error


def _read(response: Response, structure: Callable[[Any, Any], T], kind: type[T]) -> T:
    try:
        return structure(response.json(), kind)  # the body is bound to no name here, and shows in no traceback
    except (BaseValidationError, _WrongError) as error:
        (place, problem), *more = ((place, str(problem)) for place, problem in _troubles(error))
    # Raised outside, so that the frames of the failed reading, with people's addresses in them, are not kept.
    others = f" (and {len(more)} more)" if more else ""
    raise UnexpectedResponseError(
        f"the service's answer is not as documented: {place or 'its body'}: {problem}{others}",
        status=response.status,
        path_in_body=place or None,
        excerpt=excerpt(response.content),
    )


def read_meeting(response: Response) -> Meeting:
    """Return the meeting that an answer holds.

    Raises:
        UnexpectedResponseError: it holds none; `path_in_body` names the first thing that is wrong.
    """
    return _read(response, _structure_meeting, Meeting)


def read_meetings(response: Response) -> list[Meeting]:
    """Return the meetings of a list answer.

    Raises:
        UnexpectedResponseError: one of them cannot be read; `path_in_body` has its index.
    """
    return _read(response, _structure_list, _MeetingList).meetings


def write_meeting(new: NewMeeting) -> dict[str, Any]:
    """Return `new` as the service wants it, all five properties."""
    body: dict[str, Any] = _converter.unstructure(new)
    return body


def write_changes(changes: Changes) -> dict[str, Any]:
    """Return exactly the fields that `changes` sets, as the service wants them."""
    return {
        WIRE_NAMES[field.name]: _converter.unstructure(value)
        for field in attrs.fields(Changes)
        if (value := getattr(changes, field.name)) is not UNSET
    }


def write_whole(meeting: Meeting) -> dict[str, Any]:
    """Return all that is known of a meeting as the service writes it; `read_whole` is the inverse."""
    known = {
        WIRE_NAMES[field.name]: _converter.unstructure(value)
        for field in attrs.fields(Meeting)
        if field.name != "extra" and (value := getattr(meeting, field.name)) is not None
    }
    return {**meeting.extra, **known}


def read_whole(document: Mapping[str, Any]) -> Meeting:
    """Return the meeting that `write_whole` wrote down."""
    return _converter.structure(document, Meeting)


def read_new(document: Mapping[str, Any]) -> NewMeeting:
    """Return the meeting that `write_meeting` wrote down."""
    fields = {field.name: document[WIRE_NAMES[field.name]] for field in attrs.fields(NewMeeting)}
    return NewMeeting(**{**fields, "start": parse_instant(fields["start"]), "end": parse_instant(fields["end"])})


def read_changes(document: Mapping[str, Any]) -> Changes:
    """Return the changes that `write_changes` wrote down."""
    fields = {field.name: document.get(WIRE_NAMES[field.name], UNSET) for field in attrs.fields(Changes)}
    times = {name: parse_instant(fields[name]) for name in ("start", "end") if fields[name] is not UNSET}
    return Changes(**{**fields, **times, "participants": Secret(fields["participants"])})
