"""One process owns a SQLite file; a second one is turned away."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from connector.errors import StoreInUse, StoreUnusable


class Ownership:
    """The lock on ``<database>.lock``; it ends with the process, however that ends."""

    def __init__(self, database: Path) -> None:
        """Take the lock.  Raises StoreInUse that names the owner, or StoreUnusable."""
        self._file = _open_private(database.with_name(database.name + ".lock"), database)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            if not isinstance(error, BlockingIOError):
                raise StoreUnusable(
                    f"the database {database} cannot be used: its file system has no locks "
                    f"({error.strerror}); keep it on a local disk"
                ) from None
            raise StoreInUse(
                f"another process (pid {owner}) owns {database.name}; "
                "stop it, or give this one its own [store] url"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        # The file stays: whoever waits for it would otherwise lock a file that is no longer there.
        os.close(self._file)


def create_private(database: Path) -> None:
    """Create an empty database file that only this user can read; an existing one stays as it is."""
    os.close(_open_private(database, database))


def _open_private(path: Path, database: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        problem = f"the directory {database.parent} does not exist; create it, or correct [store] url"
    except IsADirectoryError:
        problem = f"{path} is a directory; correct [store] url"
    except OSError as error:
        problem = f"{path} cannot be written ({error.strerror}); make it and its directory writable"
    raise StoreUnusable(f"the database {database} cannot be used: {problem}")
