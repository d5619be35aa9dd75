"""What a child gives up before it looks at its input: limits of the kernel, and calls that it may not make any more.

Nothing here can be taken back by the process. Seccomp (Linux 3.17) is required; Landlock (5.13), which bounds the files
that may be read, is used where the kernel has it.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38

# name: (x86_64, aarch64); from the kernel's tables of calls, None where an architecture does not have it
_REFUSED: Final[dict[str, tuple[int | None, int | None]]] = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kill": (62, 129),
    "prlimit64": (302, 261),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "truncate": (76, 45),
    "mkdirat": (258, 34),
    "mkdir": (83, None),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "memfd_create": (319, 279),
}
_CLONE, _CLONE3, _CLONE_THREAD = (56, 220), (435, 435), 0x00010000
_OPEN, _OPENAT, _OPENAT2 = (2, None), (257, 56), (437, 437)
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM = _ERRNO | errno.EPERM
_NR, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_WIDTH = 8


class NotConfined(OSError):
    """The kernel does not let a process give up its rights."""


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Bound memory (on top of what is mapped already), time of the processor, files and what is left after a crash."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + memory_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def end_with(parent: int) -> None:
    """End when the parent does."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def confine(readable: Iterable[str] = ()) -> None:
    """Give up connections, programs and effects; of files keep those of the interpreter and ``readable`` folders."""
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _bound_files([*_own_folders(), *readable])
    code = b"".join(_program())
    program = _Filter(len(code) // 8, code)
    if _libc.prctl(_PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0) != 0:
        raise NotConfined(ctypes.get_errno(), "seccomp")


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise NotConfined(ctypes.get_errno(), f"prctl({option})")


def _program() -> list[bytes]:
    column, arch = _ARCHITECTURES.get(platform.machine(), (None, 0))
    if column is None:
        raise NotConfined(errno.ENOSYS, f"no table of calls for {platform.machine()}")
    refused = [number for pair in _REFUSED.values() if (number := pair[column]) is not None]
    program = [
        _line(_LOAD, _ARCH),
        _line(_EQUAL, arch, 1, 0),
        _line(_RETURN, _KILL),
        _line(_LOAD, _NR),
        _line(_AT_LEAST, 0x40000000, 0, 1),  # the other ABI of x86_64
        _line(_RETURN, _KILL),
    ]
    for absent in (_CLONE3[column], _OPENAT2[column]):  # the C library takes the older call instead
        program += [_line(_EQUAL, absent, 0, 1), _line(_RETURN, _ERRNO | errno.ENOSYS)]
    program += _by_flags(_CLONE[column], 0, _CLONE_THREAD, _EPERM, _ALLOW)
    for opening, argument in ((_OPEN[column], 1), (_OPENAT[column], 2)):
        if opening is not None:
            program += _by_flags(opening, argument, _TO_WRITE, _ALLOW, _EPERM)
    for number in refused:
        program += [_line(_EQUAL, number, 0, 1), _line(_RETURN, _EPERM)]
    return [*program, _line(_RETURN, _ALLOW)]


def _by_flags(call: int, argument: int, flags: int, without: int, having: int) -> list[bytes]:
    """What follows from a call whose argument has none, or one at least, of some flags."""
    return [
        _line(_EQUAL, call, 0, 4),
        _line(_LOAD, _FIRST_ARGUMENT + argument * _WIDTH),
        _line(_BITS, flags, 1, 0),
        _line(_RETURN, without),
        _line(_RETURN, having),
    ]


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


# -- files ---------------------------------------------------------------------------------------------------------

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_ALL_OF_FIRST_ABI = (1 << 13) - 1


def _own_folders() -> Sequence[str]:
    package = str(Path(__file__).resolve().parents[2])
    known = {sys.prefix, sys.base_prefix, sys.exec_prefix, "/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo"}
    return [package, *known]


def has_landlock() -> bool:
    return int(_libc.syscall(_CREATE_RULESET, None, 0, 1)) >= 1


def _bound_files(folders: Iterable[str]) -> None:
    if not has_landlock():
        return
    handled = struct.pack("=Q", _ALL_OF_FIRST_ABI)
    ruleset = _libc.syscall(_CREATE_RULESET, handled, len(handled), 0)
    if ruleset < 0:
        raise NotConfined(ctypes.get_errno(), "landlock")
    for folder in folders:
        if Path(folder).is_dir():
            place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            _libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", _READ_FILE | _READ_DIR, place), 0)
            os.close(place)
    if _libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise NotConfined(ctypes.get_errno(), "landlock")
    os.close(ruleset)
