"""The folder of native code: private, safe with many processes, bounded.

An entry is a shared library followed by a footer with its length and hash.  It comes
into being by a rename, and is verified each time before it is loaded; what is not whole
is removed.  Nothing in the folder is trusted for its name alone.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import struct
import tempfile
import time

_MAGIC = b"mjx-native-1\0\0\0\0"
_FOOTER = struct.Struct("<16sq32s32s")  # magic, length, hash of the library, of the key
_STALE_SECONDS = 3600.0  # after that, what a killed process left is removed
_LOCKS = 4  # compilers at once, among all processes of a user


class CacheError(Exception):
    """The folder cannot be used; the message says why."""


class Cache:
    """A folder of libraries by key."""

    def __init__(self, folder, limit):
        self.folder, self.limit = os.path.abspath(folder), limit
        _make_private(self.folder)

    def path(self, key, ending=".so"):
        """Where the library of a key is, if there is one."""
        return os.path.join(self.folder, key + ending)

    def find(self, key):
        """The path of a whole library of that key, or None; a broken one is removed."""
        path = self.path(key)
        try:
            with open(path, "rb") as file:
                if not _is_whole(file.read(), key):
                    raise ValueError
            os.utime(path)  # used just now
        except FileNotFoundError:
            return None
        except ValueError:
            with contextlib.suppress(OSError):
                os.unlink(path)
            return None
        except OSError as error:
            # Read-only folders serve; an unreadable file does not.
            return path if error.errno == errno.EROFS else None
        return path

    def store(self, key, library):
        """Keep a library (a path, in a folder of `workshop`); its path in the cache."""
        with open(library, "rb") as file:
            content = file.read()
        with open(library, "ab") as file:
            file.write(_footer(content, key))
        path = self.path(key)
        os.replace(library, path)
        self._shrink(keep=path)
        return path

    @contextlib.contextmanager
    def workshop(self):
        """A fresh folder on the cache's file system, removed in the end."""
        folder = tempfile.mkdtemp(prefix="tmp-", dir=self.folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self, key, timeout):
        """Hold one of the locks that bound how many compile; go on without after `timeout`,
        and at once where the file system has no locks.

        A killed process loses its lock; one that hangs delays others by `timeout` only.
        """
        path = os.path.join(self.folder, f"lock-{int(key[:8], 16) % _LOCKS}")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _take(handle, time.monotonic() + timeout)
            yield
        finally:
            os.close(handle)

    def _shrink(self, keep):
        """Remove the entries that were not used for longest, down to the limit."""
        entries, total = [], 0
        with os.scandir(self.folder) as found:
            for entry in found:
                with contextlib.suppress(OSError):
                    info = entry.stat(follow_symlinks=False)
                    if entry.name.startswith("tmp-"):
                        _remove_stale(entry.path, info)
                    elif entry.name.endswith((".so", ".c")):
                        entries.append((info.st_mtime_ns, info.st_size, entry.path))
                        total += info.st_size
        for _, size, path in sorted(entries):
            if total <= self.limit:
                break
            if path != keep:
                with contextlib.suppress(OSError):
                    os.unlink(path)
                total -= size


def _remove_stale(path, info):
    if time.time() - info.st_mtime > _STALE_SECONDS:
        shutil.rmtree(path, ignore_errors=True)


def _take(handle, deadline):
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)
        except OSError:
            return


def _footer(content, key):
    return _FOOTER.pack(
        _MAGIC,
        len(content),
        hashlib.sha256(content).digest(),
        hashlib.sha256(key.encode()).digest(),
    )


def _is_whole(data, key):
    """Whether the bytes are a library of that key, and all of it."""
    length = len(data) - _FOOTER.size
    return length > 0 and data[length:] == _footer(data[:length], key)


def _make_private(folder):
    """Create the folder if need be; CacheError unless only this user can write to it."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        info = os.lstat(folder)
    except OSError as error:
        raise CacheError(f"{folder}: {error.strerror}") from error
    if not stat.S_ISDIR(info.st_mode):
        raise CacheError(f"{folder} is not a folder")
    if info.st_uid != os.getuid():
        raise CacheError(f"{folder} belongs to another user")
    if info.st_mode & 0o022:
        raise CacheError(f"others can write to {folder}: chmod go-w it")
    parent = os.path.dirname(os.path.realpath(folder))
    while True:
        info = os.stat(parent)
        if info.st_mode & 0o002 and not info.st_mode & stat.S_ISVTX:
            raise CacheError(f"others can rename {folder}: {parent} is open to all")
        if parent == os.path.dirname(parent):
            return
        parent = os.path.dirname(parent)
