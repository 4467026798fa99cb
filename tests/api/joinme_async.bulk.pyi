"""The public names of joinme_async.bulk, written by `make api`."""

@attrs.frozen
class BulkReport(Generic[R]):
    scheduled: tuple[RowOutcome[R], ...]
    adopted: tuple[RowOutcome[R], ...]
    updated: tuple[RowOutcome[R], ...]
    deleted: tuple[RowOutcome[R], ...]
    failed: tuple[RowOutcome[R], ...]
    in_doubt: tuple[RowOutcome[R], ...]
    not_started: tuple[RowOutcome[R], ...]
    already_there: int
    earlier: int
    surplus: tuple[Meeting, ...]
    missing: tuple[RowOutcome[R], ...]
    verified: bool
    stopped: JoinMeError | None
    resume_at: datetime | None
    @property
    def done(self) -> int: ...
    @property
    def is_complete(self) -> bool: ...
    @property
    def summary(self) -> str: ...
    def __init__(
        self,
        scheduled: tuple[RowOutcome[R], ...] = (),
        adopted: tuple[RowOutcome[R], ...] = (),
        updated: tuple[RowOutcome[R], ...] = (),
        deleted: tuple[RowOutcome[R], ...] = (),
        failed: tuple[RowOutcome[R], ...] = (),
        in_doubt: tuple[RowOutcome[R], ...] = (),
        not_started: tuple[RowOutcome[R], ...] = (),
        already_there: int = 0,
        earlier: int = 0,
        surplus: tuple[Meeting, ...] = (),
        missing: tuple[RowOutcome[R], ...] = (),
        verified: bool = False,
        stopped: JoinMeError | None = None,
        resume_at: datetime | None = None,
    ) -> None: ...

@attrs.frozen(init=False)
class Change:
    meeting_id: int
    changes: Changes
    key: str | None
    def __init__(
        self,
        meeting: int | Meeting,
        *,
        name: str | Unset = UNSET,
        start: datetime | Unset = UNSET,
        end: datetime | Unset = UNSET,
        participants: Iterable[str] | Unset = UNSET,
        start_with_personal_url: bool | Unset = UNSET,
        key: str | None = None,
    ) -> None: ...
    @classmethod
    def of(cls, meeting_id: int, changes: Changes, key: str | None) -> 'Change': ...

class Journal:
    def __init__(self, path: str | PathLike[str]) -> None: ...
    path: Path
    def __fspath__(self) -> str: ...
    async def verb(self) -> Verb: ...
    async def input(self) -> MeetingsFile | None: ...
    async def skipped(self) -> tuple[int, ...]: ...
    async def is_complete(self) -> bool: ...
    async def holder(self) -> str | None: ...
    async def report(self) -> BulkReport[Any]: ...

@attrs.frozen
class Progress:
    phase: str
    done: int
    failed: int
    in_doubt: int
    in_flight: int
    total: int | None
    already_there: int
    rate: float
    time_left: float | None
    waiting: str
    waits: float | None
    def __init__(
        self,
        phase: str,
        done: int = 0,
        failed: int = 0,
        in_doubt: int = 0,
        in_flight: int = 0,
        total: int | None = None,
        already_there: int = 0,
        rate: float = 0.0,
        time_left: float | None = None,
        waiting: str = '',
        waits: float | None = None,
    ) -> None: ...

@attrs.frozen
class Row:
    meeting: NewMeeting
    key: str | None
    line: int | None
    def __init__(self, meeting: NewMeeting, key: str | None = None, line: int | None = None) -> None: ...

@attrs.frozen
class RowOutcome(Generic[R]):
    key: str
    row: R
    state: RowState
    meeting: Meeting | None
    meeting_id: int | None
    error: JoinMeError | None
    earlier: bool
    def __init__(
        self,
        key: str,
        row: R,
        state: RowState,
        meeting: Meeting | None = None,
        meeting_id: int | None = None,
        error: JoinMeError | None = None,
        earlier: bool = False,
    ) -> None: ...

async def delete_all(
    joinme: JoinMe,
    meetings: Iterable[int | Meeting] | AsyncIterable[int | Meeting] | None,
    *,
    journal: JournalLike | None = None,
    missing_ok: bool = False,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    stop_after: int = 20,
) -> BulkReport[int]: ...

def read_meetings(
    path: str | PathLike[str],
    *,
    timezone: str | None = None,
    skip_bad: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
) -> 'MeetingsFile': ...

async def schedule_all(
    joinme: JoinMe,
    rows: NewRows | None,
    *,
    journal: JournalLike | None = None,
    existing: Existing | None = None,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    verify: bool = True,
    stop_after: int = 20,
) -> BulkReport[Row]: ...

async def schedule_each(
    joinme: JoinMe,
    rows: NewRows | None,
    *,
    journal: JournalLike | None = None,
    existing: Existing | None = None,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    stop_after: int = 20,
) -> AsyncGenerator[RowOutcome[Row], None]: ...

async def undo(
    joinme: JoinMe,
    journal: JournalLike,
    *,
    adopted: bool = False,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    stop_after: int = 20,
) -> BulkReport[Row]: ...

async def update_all(
    joinme: JoinMe,
    changes: Iterable[Change] | AsyncIterable[Change] | None,
    *,
    journal: JournalLike | None = None,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    stop_after: int = 20,
) -> BulkReport[Change]: ...

async def verify(joinme: JoinMe, journal: JournalLike) -> BulkReport[Row]: ...
