"""The public names of joinme_async.transports.pyreqwest, written by `make api`."""

class PyreqwestTransport:
    keeps_time: Final = True
    def __init__(
        self,
        *,
        concurrency: int = 100,
        proxy: str | None = None,
        verify: str | PathLike[str] | bool = True,
        trust_env: bool = True,
        keepalive: float = 30.0,
        max_body: int = 67108864,
    ) -> None: ...
    @property
    def concurrency(self) -> int: ...
    async def send(self, request: Request) -> Response: ...
    async def prepare(self) -> None: ...
    async def aclose(self) -> None: ...
