"""What is waited for, and for how long, as people say it; pure."""

from typing import Final

LONG: Final = 2.0
"""Seconds; a wait that is longer is worth telling when it begins."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_WAITS: Final = {
    "token": "waits for an access token",
    "connection": "waits for a free connection",
    "rate limit": "keeps to the rate limit",
    "cool-down": "join.me asked to wait",
    "back-off": "waits before it tries again",
    "settle": "gives join.me time to show what it made",
    "another call": "waits for another call that makes the same",
}


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:02.0f} s"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:02.0f} min"


def waiting_words(why: str, seconds: float | None) -> str:
    """Return what is waited for, in words; empty where nothing is that anybody would ask about."""
    if not why or (why == "rate limit" and (seconds or 0) < LONG):
        return ""
    words = _WAITS.get(why, why)
    return words if seconds is None else f"{words}: {duration(max(seconds, 1))}"
