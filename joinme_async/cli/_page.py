"""Weeks as a page of HTML."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

import jinja2

from joinme_async._models import Meeting
from joinme_async.cli._week import days_of


def page(meetings: Sequence[Meeting], *, zone: tzinfo | None, zone_name: str, now: datetime) -> str:
    """Return all weeks that have meetings as one page, which loads nothing."""
    days = days_of(meetings, zone)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        "{{ zone }} {{ now }} {{ days }}"
    )
    return template.render(zone=zone_name, now=now, days=list(days))
