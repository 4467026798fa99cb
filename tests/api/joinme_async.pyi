"""The public names of joinme_async, written by `make api`."""

class APIStatusError(JoinMeError):
    def __init__(
        self,
        summary: str,
        *,
        status: int,
        code: str | None = None,
        message: str = '',
        retry_after: float | None = None,
    ) -> None: ...
    status: int
    code: str | None
    message: str
    retry_after: float | None

@attrs.frozen
class AttemptEnded(Event):
    level: ClassVar[int]
    attempt: int
    elapsed: float
    status: int | None
    error: JoinMeError | None
    def __init__(
        self,
        method: str,
        path: str,
        attempt: int,
        elapsed: float,
        status: int | None = None,
        error: JoinMeError | None = None,
    ) -> None: ...

@attrs.frozen
class AttemptStarted(Event):
    level: ClassVar[int]
    attempt: int
    def __init__(self, method: str, path: str, attempt: int) -> None: ...

class AuthenticationError(APIStatusError):
    ...

class BadRequestError(APIStatusError):
    ...

class BadRow(NamedTuple):
    file: str
    line: int
    column: str | None
    problem: str
    def __init__(self, file: str, line: int, column: str | None, problem: str) -> None: ...

class Clock(Protocol):
    def now(self) -> float: ...
    def wall(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...
    def deadline(self, seconds: float | None) -> 'AbstractContextManager[anyio.CancelScope]': ...

class ConfigurationError(JoinMeError):
    ...

@attrs.frozen
class CoolDownClosed(Event):
    def __init__(self, method: str, path: str) -> None: ...

@attrs.frozen
class CoolDownOpened(Event):
    seconds: float
    status: int
    code: str | None
    def __init__(self, method: str, path: str, seconds: float, status: int, code: str | None = None) -> None: ...

class DeadlineExceededError(JoinMeError, TimeoutError):
    def __init__(self, message: str, *, last: JoinMeError | None = None) -> None: ...
    last: JoinMeError | None

@attrs.frozen
class Event:
    level: ClassVar[int]
    method: str
    path: str
    @property
    def message(self) -> str: ...
    def __init__(self, method: str, path: str) -> None: ...

EventHook = Callable[[Event], object]

@attrs.frozen
class Headroom:
    qps_allotted: int | None
    qps_current: int | None
    quota_allotted: int | None
    quota_current: int | None
    quota_reset: float | None
    def __init__(
        self,
        qps_allotted: int | None = None,
        qps_current: int | None = None,
        quota_allotted: int | None = None,
        quota_current: int | None = None,
        quota_reset: float | None = None,
    ) -> None: ...

class InvalidMeetingError(JoinMeError, ValueError):
    def __init__(self, message: str, *, field: str | None = None) -> None: ...
    field: str | None

class InvalidRowsError(JoinMeError, ValueError):
    def __init__(self, rows: Sequence[BadRow]) -> None: ...
    rows: tuple[BadRow, ...]

class JoinMe:
    meetings: MeetingsResource
    limiter: RateLimiter
    def __init__(
        self,
        access_token: str | TokenSource | None = None,
        *,
        base_url: str | None = None,
        transport: Transport | None = None,
        retry: RetryPolicy = RetryPolicy(),
        rate_limit: RateLimit | Sequence[RateLimit] | RateLimiter | None = None,
        timeout: Timeout | float = Timeout(),
        on_event: EventHook | None = None,
        clock: Clock | None = None,
    ) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    async def aclose(self) -> None: ...
    def with_options(
        self,
        *,
        timeout: Timeout | float | None = None,
        retry: RetryPolicy | None = None,
        on_event: EventHook | Unset | None = UNSET,
    ) -> 'JoinMe': ...
    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Response: ...

class JoinMeError(Exception):
    method: str | None
    path: str | None
    attempts: int | None
    elapsed: float | None
    def __init__(self, message: str) -> None: ...

class JournalError(JoinMeError):
    def __init__(self, message: str, *, journal: str | PathLike[str], holder: str | None = None) -> None: ...
    journal: str
    holder: str | None

@attrs.frozen
class LimiterSnapshot:
    limits: tuple[RateLimit, ...]
    learned: RateLimit | None
    guard: float
    waiting: int
    cooldown: float
    refusal: Signals | None
    def __init__(
        self,
        limits: tuple[RateLimit, ...] = (),
        learned: RateLimit | None = None,
        guard: float = 0.0,
        waiting: int = 0,
        cooldown: float = 0.0,
        refusal: Signals | None = None,
    ) -> None: ...

@attrs.frozen
class Meeting:
    id: int
    name: str
    start: datetime
    end: datetime
    start_with_personal_url: bool
    participants: tuple[str, ...] | None
    conference_id: str | None
    viewer_link: str | None
    extra: Mapping[str, Any]
    def __init__(
        self,
        id: int,
        name: str,
        start: datetime,
        end: datetime,
        start_with_personal_url: bool,
        participants: tuple[str, ...] | None = None,
        conference_id: str | None = None,
        viewer_link: str | None = None,
        extra: Mapping[str, Any] = dict(),
    ) -> None: ...

class MeetingsResource:
    async def list(self, *, until: datetime | None = None) -> builtins.list[Meeting]: ...
    async def get(self, meeting_id: int) -> Meeting: ...
    async def schedule(self, new: NewMeeting) -> Meeting: ...
    async def ensure(self, new: NewMeeting) -> Meeting: ...
    async def find(self, new: NewMeeting) -> builtins.list[Meeting]: ...
    async def update(
        self,
        meeting: int | Meeting,
        *,
        name: str | Unset = UNSET,
        start: datetime | Unset = UNSET,
        end: datetime | Unset = UNSET,
        participants: Iterable[str] | Unset = UNSET,
        start_with_personal_url: bool | Unset = UNSET,
    ) -> Meeting: ...
    async def delete(self, meeting: int | Meeting, *, missing_ok: bool = False) -> None: ...

@attrs.frozen(init=False)
class NewMeeting:
    name: str
    start: datetime
    end: datetime
    participants: tuple[str, ...]
    start_with_personal_url: bool
    def __init__(
        self,
        name: str,
        start: datetime,
        end: datetime,
        participants: Iterable[str] = (),
        start_with_personal_url: bool = False,
    ) -> None: ...

class NotFoundError(APIStatusError):
    ...

@attrs.frozen
class OutcomeUnknown(Event):
    level: ClassVar[int]
    meeting: NewMeeting | None
    because: JoinMeError | None
    def __init__(self, method: str, path: str, meeting: NewMeeting | None = None, because: JoinMeError | None = None) -> None: ...

class OutcomeUnknownError(JoinMeError):
    def __init__(self, message: str, *, meeting: NewMeeting | None = None, last: JoinMeError | None = None) -> None: ...
    meeting: NewMeeting | None
    last: JoinMeError | None

class PermissionDeniedError(APIStatusError):
    ...

class QuotaExceededError(APIStatusError):
    retry_at: datetime | None

@attrs.frozen
class RateLimit:
    calls: int
    per: float
    def __init__(self, calls: int, per: float = 1.0) -> None: ...

class RateLimitedError(APIStatusError):
    retry_at: datetime | None

class RateLimiter(Protocol):
    async def acquire(self, timeout: float | None) -> Turn | None: ...
    def observe(self, signals: Signals) -> None: ...
    def snapshot(self) -> LimiterSnapshot: ...

@attrs.frozen
class Reconciled(Event):
    wanted: NewMeeting
    found: Meeting | None
    def __init__(self, method: str, path: str, wanted: NewMeeting, found: Meeting | None = None) -> None: ...

@attrs.frozen
class Request:
    method: str
    url: str
    headers: Headers
    content: bytes | None
    timeout: float | None
    def __init__(
        self,
        method: str,
        url: str,
        headers: Headers = Headers(),
        content: bytes | None = None,
        timeout: float | None = None,
    ) -> None: ...

@attrs.frozen
class Response:
    status: int
    headers: Headers
    content: bytes
    @property
    def is_success(self) -> bool: ...
    def json(self) -> Any: ...
    def __init__(self, status: int, headers: Headers = Headers(), content: bytes = b'') -> None: ...

@attrs.frozen
class RetryPolicy:
    attempts: int
    base: float
    cap: float
    settle: float
    budget: float
    floor: int
    refusals: bool
    @classmethod
    def never(cls) -> 'RetryPolicy': ...
    def __init__(
        self,
        attempts: int = 4,
        base: float = 0.5,
        cap: float = 8.0,
        settle: float = 2.0,
        budget: float = 0.1,
        floor: int = 10,
        refusals: bool = True,
    ) -> None: ...

class ServerError(APIStatusError):
    ...

@attrs.frozen
class Signals:
    status: int
    code: str | None
    message: str
    retry_after: float | None
    headroom: Headroom | None
    def over_rate(self) -> bool: ...
    def over_qps(self) -> bool: ...
    def taken(self) -> bool: ...
    def bad_token(self) -> bool: ...
    def hold(self) -> float | None: ...
    def __init__(
        self,
        status: int,
        code: str | None = None,
        message: str = '',
        retry_after: float | None = None,
        headroom: Headroom | None = None,
    ) -> None: ...

@attrs.frozen
class Timeout:
    total: float | None
    attempt: float
    def __init__(self, total: float | None = 60.0, attempt: float = 30.0) -> None: ...

class TokenSource(Protocol):
    async def __call__(self, *, refused: str | None) -> str: ...

class Transport(Protocol):
    @property
    def concurrency(self) -> int | None: ...
    async def send(self, request: Request) -> Response: ...
    async def aclose(self) -> None: ...

class TransportError(JoinMeError):
    def __init__(self, message: str, *, request_sent: bool = True) -> None: ...
    request_sent: bool

class TransportTimeoutError(TransportError):
    ...

@attrs.frozen
class Turn:
    after: float
    refusal: Signals | None
    over_quota: bool
    def __init__(self, after: float, refusal: Signals | None = None, over_quota: bool = False) -> None: ...

UNSET: Final[Literal[Unset.UNSET]] = Unset.UNSET

class UnexpectedResponseError(JoinMeError):
    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        path_in_body: str | None = None,
        excerpt: str = '',
    ) -> None: ...
    status: int | None
    path_in_body: str | None
    excerpt: str

@attrs.frozen
class WaitStarted(Event):
    why: str
    seconds: float | None
    def __init__(self, method: str, path: str, why: str, seconds: float | None = None) -> None: ...

__version__: str

def zoned(wall: datetime, zone: str, fold: int | None = None) -> datetime: ...
