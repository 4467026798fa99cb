"""The public names of joinme_async.transports.httpx, written by `make api`."""

class HttpxTransport:
    keeps_time: Final = True
    def __init__(
        self,
        client: httpx.AsyncClient | None = None,
        *,
        concurrency: int = 100,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: ssl.SSLContext | bool = True,
        http2: bool = False,
        trust_env: bool = True,
        keepalive: float = 30.0,
        max_body: int = 67108864,
    ) -> None: ...
    @property
    def concurrency(self) -> int: ...
    async def send(self, request: Request) -> Response: ...
    async def prepare(self) -> None: ...
    async def aclose(self) -> None: ...
