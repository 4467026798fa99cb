"""Takes a token out of what a server said, before anything is made of it. Pure."""

import re
from typing import Final

from joinme_async._http import Headers, Response, Secret

_PLAIN_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_LONG: Final = 12  # characters; a shorter token is looked for as a word, since "me" is in many


def masked(response: Response, token: Secret[str]) -> Response:
    """Return `response` with `***` wherever it echoes `token`, in the ways that JSON, URLs and HTML spell it too."""
    # Letters and digits are always spelt as they are: where not even these are found, there is nothing to mask.
    landmark = Secret(max(_PLAIN_RUN.findall(token.reveal()), key=len, default="").encode())
    headers = Secret(" ".join(value for _, value in response.headers.pairs()).encode("utf-8", "replace"))
    if landmark.reveal() not in response.content and landmark.reveal() not in headers.reveal():
        return response
    pattern = _pattern(token)
    return Response(
        response.status,
        Headers((name, pattern.reveal().sub("***", value)) for name, value in response.headers.pairs()),
        pattern.reveal().sub("***", response.content.decode("utf-8", "replace")).encode(),
    )


def _pattern(token: Secret[str]) -> Secret[re.Pattern[str]]:
    body = Secret("".join(map(_spellings, token.reveal())))
    return Secret(re.compile(body.reveal() if len(token.reveal()) >= _LONG else rf"(?<!\w){body.reveal()}(?!\w)"))


def _spellings(character: str) -> str:
    if character.isalnum():
        return character
    number = ord(character)
    coded = rf"(?i:\\u00{number:02x}|%{number:02x}|&#0*{number};|&#x0*{number:x};)"
    return rf"(?:\\?{re.escape(character)}|{coded})"
