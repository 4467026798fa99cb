"""A make-believe join.me for development and tests: in process as a `Transport`, or over real HTTP.

>>> sandbox = Sandbox()
>>> joinme = JoinMe(sandbox.token, transport=sandbox.transport())

It follows the service's page to the letter, keeps a ledger of what it saw and did, and misbehaves on demand (`Fault`).
"""

from joinme_async.sandbox._faults import Fault
from joinme_async.sandbox._sandbox import Sandbox
from joinme_async.sandbox._service import Entry, StoredMeeting

__all__ = ["Entry", "Fault", "Sandbox", "StoredMeeting"]
