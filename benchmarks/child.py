"""Be one contestant in a process of its own: do one piece of work, given as JSON, and print what it took as JSON.

    python -m benchmarks.child '{"work": "steady", "who": "httpx", ...}'

What is imported here is imported for every contestant, and so kept small.
"""

import asyncio
import json
import os
import sys
from typing import Any

from benchmarks.gauges import allow_many_files


def main(given: dict[str, Any]) -> None:
    """Hide what must not be seen, work, and print."""
    sys.modules.update(dict.fromkeys(given["hide"]))  # None there means that it cannot be imported
    allow_many_files()
    from benchmarks import workloads  # noqa: PLC0415  after the hiding

    seen = asyncio.run(workloads.WORK[given["work"]](given))
    print(json.dumps(seen), flush=True)
    os._exit(0)  # threads of a library that outlive the loop can bring down an interpreter that clears away


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
