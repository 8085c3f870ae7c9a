"""PostgreSQL refuses to run as root; the ways around that, best first.

1. Inside a user namespace, where root's files are those of an unprivileged user.
2. As an unprivileged user who may pass through every folder (the capability ``dac_read_search``).
3. As an unprivileged user without any privilege, with data and, where it must, a copy of the server in a folder
   that such a user can reach.

A container's seccomp profile often forbids the first and its capabilities the second.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from portal.local import paths
from portal.local.process import StartFailed, private_folder

# In a user namespace every unmapped user looks like nobody (65534), so peer authentication must never trust that one.
_OVERFLOW = 65534
_UNPRIVILEGED = ("daemon", "bin", "nobody")
# Changing the user clears the signal that a child gets when we die, so setpriv sets it again.
_CAPABILITY = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--pdeathsig", "INT", "--")
# Unlike /tmp, it survives a reboot.
_REACHABLE = Path("/var/tmp")


@dataclass(frozen=True)
class Way:
    """How the server's commands run, and where its binaries and data are."""

    description: str
    bin: Path
    data: Path
    # The name under which the server sees us when we connect.
    peer: str
    prefix: tuple[str, ...] = ()
    # Set where the commands have to be started as somebody else; the prefix does it otherwise.
    user: int | None = None
    group: int | None = None
    # Who owns the data, and which group writes into the folder of sockets; -1 is ours.
    owner: int = -1
    owner_group: int = -1
    # A folder that the server's user can reach, and the server to copy there, where the project is out of reach.
    own: Path | None = None
    original: Path | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.bin / program), *arguments]

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        groups: list[int] | None = [] if self.user is not None else None
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=self.user,
            group=self.group,
            extra_groups=groups,
        )

    def works(self) -> bool:
        """Whether a program of the server runs this way; makes the copy that takes."""
        try:
            if self.own:
                private_folder(self.own, 0o711)
            if self.own and self.original:
                _copy(self.original, self.bin, self.own / "server")
            return self.run(self.command("postgres", "--version")).returncode == 0
        except (OSError, StartFailed):
            return False


def possible(bin_dir: Path) -> Iterator[Way]:
    """The ways that work here, each tried when its turn comes.

    One that already holds data comes first, so that a start never loses sight of it.
    """
    data = paths.state_dir() / "postgres"
    if os.getuid() != 0:
        yield Way("as this user", bin_dir, data, _name(os.getuid()))
        return
    ways = sorted(_as_root(bin_dir, data), key=lambda way: not (way.data / "PG_VERSION").exists())
    yield from (way for way in ways if way.works())


def _as_root(bin_dir: Path, data: Path) -> Iterator[Way]:
    entry = _unprivileged()
    if shutil.which("unshare") and entry.pw_uid != _OVERFLOW:
        yield _mapped(bin_dir, data, entry)
    if shutil.which("setpriv"):
        yield _capable(bin_dir, data, entry)
    yield _plain(bin_dir, data, entry)


def _mapped(bin_dir: Path, data: Path, entry: pwd.struct_passwd) -> Way:
    prefix = ("unshare", "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}", "--")
    return Way(f"as {entry.pw_name} in a user namespace", bin_dir, data, entry.pw_name, prefix)


def _capable(bin_dir: Path, data: Path, entry: pwd.struct_passwd) -> Way:
    prefix = ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", *_CAPABILITY)
    description = f"as {entry.pw_name}, who may pass through folders"
    return Way(description, bin_dir, data, _name(0), prefix, owner=entry.pw_uid, owner_group=entry.pw_gid)


def _plain(bin_dir: Path, data: Path, entry: pwd.struct_passwd) -> Way:
    uid, gid = entry.pw_uid, entry.pw_gid
    way = Way(f"as {entry.pw_name}", bin_dir, data, _name(0), (), uid, gid, uid, gid)
    own = _REACHABLE / paths.socket_dir().name
    if not _open_to_all(data.parent):
        way = replace(way, own=own, data=own / "postgres", description=f"{way.description}, with its data in {own}")
    if not _open_to_all(bin_dir):
        copy = own / "server" / bin_dir.parent.parent.name / bin_dir.parent.name / "bin"
        way = replace(way, own=own, bin=copy, original=bin_dir)
    return way


def _copy(bin_dir: Path, copy: Path, target: Path) -> None:
    """A copy of the server, as far from its libraries as the original is, made whole or not at all."""
    if (copy / "postgres").exists() and _same(copy / "postgres", bin_dir / "postgres"):
        return
    install, package = bin_dir.parent, bin_dir.parent.parent
    fresh = target.with_name("server.new")
    for folder in (fresh, target):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(install, fresh / package.name / install.name, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, fresh / libraries.name)
    fresh.rename(target)


def _same(one: Path, other: Path) -> bool:
    first, second = one.stat(), other.stat()
    return (first.st_size, int(first.st_mtime)) == (second.st_size, int(second.st_mtime))


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _unprivileged() -> pwd.struct_passwd:
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in _UNPRIVILEGED:
        if name in names:
            return names[name]
    raise StartFailed(f"PostgreSQL doesn't run as root, and there is none of the users {', '.join(_UNPRIVILEGED)}.")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise StartFailed(
            f"User {uid} has no name here, and PostgreSQL wants one: add a line to /etc/passwd."
        ) from None
