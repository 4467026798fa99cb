"""The public names of joinme_async.sandbox, written by `make api`."""

@attrs.frozen
class Entry:
    number: int
    at: datetime
    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int
    did: str
    meeting_id: int | None
    committed: datetime | None
    fault: str | None
    def __init__(
        self,
        number: int,
        at: datetime,
        method: str,
        path: str,
        query: dict[str, str],
        body: Any,
        status: int,
        did: str = '',
        meeting_id: int | None = None,
        committed: datetime | None = None,
        fault: str | None = None,
    ) -> None: ...

@attrs.frozen(kw_only=True)
class Fault:
    name: str
    work: Work
    delivery: Delivery
    response: Response | None
    delay: float
    commit_after: float
    lag: float
    @classmethod
    def refuse(
        cls,
        code: str = 'ERR_403_DEVELOPER_OVER_QPS',
        *,
        retry_after: float | str | None = 1,
        status: int = 403,
    ) -> 'Fault': ...
    @classmethod
    def error(cls, status: int = 500, *, done: bool = False) -> 'Fault': ...
    @classmethod
    def unreachable(cls) -> 'Fault': ...
    @classmethod
    def lose(cls, *, done: bool = True, commit_after: float = 0.0) -> 'Fault': ...
    @classmethod
    def cut(cls) -> 'Fault': ...
    @classmethod
    def hang_up(cls) -> 'Fault': ...
    @classmethod
    def garble(cls, body: bytes | str = b'{"meetingId": 12,') -> 'Fault': ...
    @classmethod
    def late(cls, seconds: float, *, commit_after: float = 0.0) -> 'Fault': ...
    @classmethod
    def lag_behind(cls, seconds: float) -> 'Fault': ...
    @classmethod
    def stale_token(cls, *, status: int = 401) -> 'Fault': ...
    def __init__(
        self,
        *,
        name: str,
        work: Work = Work.UNDONE,
        delivery: Delivery = Delivery.WHOLE,
        response: Response | None = None,
        delay: float = 0.0,
        commit_after: float = 0.0,
        lag: float = 0.0,
    ) -> None: ...

class Sandbox:
    def __init__(
        self,
        *,
        clock: Clock | None = None,
        token: str = 'sandbox-token',
        per_second: int | None = None,
        per_day: int | None = None,
        latency: float = 0.0,
        on_entry: Callable[[Entry], object] | None = None,
    ) -> None: ...
    clock: Clock
    token: str
    latency: float
    @property
    def ledger(self) -> tuple[Entry, ...]: ...
    @property
    def meetings(self) -> tuple[StoredMeeting, ...]: ...
    @property
    def planted(self) -> tuple[Fault, ...]: ...
    def plant(self, *faults: Fault, on: str | None = None, times: int | None = 1, skip: int = 0) -> None: ...
    def plant_data(self, script: Iterable[Mapping[str, Any]]) -> None: ...
    def clear_faults(self) -> None: ...
    def accept(self, token: str) -> None: ...
    def expire(self, token: str | None = None) -> None: ...
    def receive(self, request: Request) -> Answer: ...
    def transport(self, *, concurrency: int | None = None) -> Transport: ...
    @property
    def app(self) -> App: ...
    def serve(self, *, host: str = '127.0.0.1', port: int = 0) -> Server: ...

@attrs.frozen
class StoredMeeting:
    id: int
    name: str
    start: datetime
    end: datetime
    start_with_personal_url: bool
    participants: tuple[str, ...]
    conference_id: str
    def __init__(
        self,
        id: int,
        name: str,
        start: datetime,
        end: datetime,
        start_with_personal_url: bool = False,
        participants: tuple[str, ...] = (),
        conference_id: str = '',
    ) -> None: ...
