"""The public names of joinme_async.transports.aiohttp, written by `make api`."""

class AiohttpTransport:
    keeps_time: Final = True
    def __init__(
        self,
        session: aiohttp.ClientSession | None = None,
        *,
        concurrency: int = 100,
        proxy: str | None = None,
        verify: ssl.SSLContext | bool = True,
        trust_env: bool = True,
        keepalive: float = 30.0,
        max_body: int = 67108864,
    ) -> None: ...
    @property
    def concurrency(self) -> int: ...
    async def send(self, request: Request) -> Response: ...
    async def aclose(self) -> None: ...
