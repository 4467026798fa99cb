"""Who takes part: names, how each is made."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from benchmarks import ours, peers
from benchmarks.peers import Calls, Codec

Maker = Callable[[str, int], AbstractAsyncContextManager[Calls]]

HTTPX: Final = "httpx"
TUNED: Final = "httpx tuned"
GENERATED: Final = "openapi-python-client"
OPENAI: Final = "openai"
JSON: Final = "json"
JOINME: Final = "joinme"
FAST: Final = "joinme[fast]"
INJECTED: Final = "joinme / injected httpx"
AIOHTTP: Final = "joinme / aiohttp"
PYREQWEST: Final = "joinme / pyreqwest"
PLAINLY: Final = "used plainly"
INSIDE: Final = "inside JoinMe"


def _over(name: str) -> Maker:
    return lambda base, _: ours.over(name, base)


MAKERS: Final[dict[str, Maker]] = {
    HTTPX: peers.httpx,
    TUNED: peers.httpx_tuned,
    "httpx2": peers.httpx2,
    "aiohttp": peers.aiohttp,
    "pyreqwest": peers.pyreqwest,
    GENERATED: peers.generated,
    OPENAI: peers.openai,
    JOINME: ours.default,
    FAST: ours.default,
    INJECTED: ours.injected,
    **{name: _over(name) for name in ours.TRANSPORTS},
}
CODECS: Final[dict[str, Callable[[], Codec]]] = {
    JSON: peers.json_codec,
    GENERATED: peers.generated_codec,
    JOINME: ours.codec,
    FAST: ours.codec,
}
MODULES: Final = {
    HTTPX: "httpx",
    TUNED: "httpx",
    JSON: "json",
    "httpx2": "httpx2",
    "aiohttp": "aiohttp",
    "pyreqwest": "pyreqwest.client",
    GENERATED: "generated_meetings",
    OPENAI: "openai",
    JOINME: "joinme_async",
    FAST: "joinme_async",
    INJECTED: "joinme_async",
    **{name: module for name, (module, _) in ours.TRANSPORTS.items()},
}
"""What each imports."""
