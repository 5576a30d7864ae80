"""Threads that begin at the same moment find every decoder ready.

msgspec learns a type when it first decodes it, and two threads that let it learn the same type at once crash
the process (0.22.0, CPython 3.11).  So nothing may be left to learn once the modules are imported.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
from contextlib import suppress

from connector.errors import ConnectorError
from connector.helpdesk.zendesk import feed, payload
from connector.store import tables
from connector.store.columns import Json

learnt = set()

def listen(frame, event, _argument):
    if event == "call" and frame.f_code.co_filename.endswith("msgspec/_utils.py"):
        learnt.add(frame.f_code.co_name)

bodies = [
    payload.TicketsBody, payload.TicketBody, payload.UserBody, payload.GroupsBody,
    payload.PeopleBody, payload.CommentsBody, payload.AuditsBody, payload.JobBody,
]
documents = [
    column.type for table in tables.metadata.tables.values() for column in table.columns
    if isinstance(column.type, Json)
]
assert documents
sys.setprofile(listen)
payload.decode_tickets(b'{"tickets": [{}]}', "GET")
for shape in bodies:
    with suppress(ConnectorError):
        payload.decode(b"{}", shape, "GET")
feed.parse_position('{"cursor": "c", "since": 1}', None)
for document in documents:
    with suppress(ValueError):
        document.process_result_value("{}", None)
sys.setprofile(None)
print(*sorted(learnt))
"""


def test_no_type_is_left_to_be_learnt_by_the_thread_that_decodes_it_first() -> None:
    root = Path(__file__).parents[2]

    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
