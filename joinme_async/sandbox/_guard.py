"""Who may see the page and change what it shows: this machine's people, and no website that they happen to visit.

A browser lets any website send requests to an address of this machine. It names the sender (`Origin`, `Sec-Fetch-Site`;
Fetch Metadata, W3C) and asks first where a request is no plain form, so that such requests can be told and refused.
A website may also let its own name lead to this machine (DNS rebinding); the name then stands in `Host`.
"""

import re
from collections.abc import Set as AbstractSet
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from joinme_async._http import Request

_HOST: Final = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[^\s:/@\[\]]+))(?::\d{1,5})?", re.ASCII | re.IGNORECASE
)


def is_loopback(host: str) -> bool:
    """Say whether what listens on `host` is reached from this machine only."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def why_refused(request: Request, own_names: AbstractSet[str], *, reads_page: bool) -> str | None:
    """Return why `request` is not answered, or None where it is.

    Args:
        request: what is asked of the page.
        own_names: host names that are this sandbox's besides `localhost` and addresses.
        reads_page: it is for the page itself, to which any website may link.
    """
    host = request.headers.get("Host", "")
    if not _is_own(host, own_names):
        return "this page is reached by an address or as localhost, and by no other name"
    if not reads_page and request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        return "another website asked for this"
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower() not in {f"http://{host.lower()}", f"https://{host.lower()}"}:
        return "another website asked for this"
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != "application/json":
        return "what changes something is sent as application/json"
    return None


def _is_own(host: str, own_names: AbstractSet[str]) -> bool:
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = (match["six"] or match["name"]).lower()
    return name == "localhost" or name in own_names or _address(name) is not None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
