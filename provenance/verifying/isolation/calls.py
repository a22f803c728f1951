"""System calls that the worker goes without (seccomp, a filter that the kernel runs at each call).

It takes away what Landlock can't: changing modes, owners, times and attributes of files, starting
processes, sockets of every kind, reaching into other processes.  The numbers are those of the
kernel's tables, https://github.com/torvalds/linux/blob/master/arch/x86/entry/syscalls/syscall_64.tbl
and .../include/uapi/asm-generic/unistd.h, the filter's form that of seccomp(2).
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from typing import Final

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Where they stand in what the kernel hands the filter (little-endian)."""
_CLONE_THREAD = 0x00010000
_OTHER_NUMBERS = 0x40000000
"""From here on the calls of x32, which have these effects by other numbers."""

# Where they have the same number everywhere: io_uring_setup, which makes calls that no filter
# sees; fchmodat2, setxattrat, removexattrat, file_setattr.
_EVERYWHERE: Final = (425, 452, 463, 466, 469)
_CLONE3: Final = 435
# Architecture: its name in a filter, clone, and the calls refused.
_TABLES: Final = {
    "x86_64": (
        0xC000003E,
        56,
        (
            *(57, 58),  # fork, vfork
            *(90, 91, 268),  # chmod, fchmod, fchmodat
            *(92, 93, 94, 260),  # chown, fchown, lchown, fchownat
            *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
            *(188, 189, 190, 197, 198, 199),  # setxattr, removexattr and their kin
            *(41, 101, 311),  # socket, ptrace, process_vm_writev
        ),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        (
            *(52, 53, 54, 55, 88),  # fchmod, fchmodat, fchownat, fchown, utimensat
            *(5, 6, 7, 14, 15, 16),  # setxattr, removexattr and their kin
            *(198, 117, 271),  # socket, ptrace, process_vm_writev
        ),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_calls(libc: ctypes.CDLL) -> bool:
    """Have the kernel refuse them to this thread and those it starts; False where it can't.

    The process must have given up further privileges (``PR_SET_NO_NEW_PRIVS``).
    """
    table = _TABLES.get(platform.machine())
    if table is None or struct.calcsize("P") != 8:
        return False
    code = _filter(*table)
    program = _Program(len(code) // 8, code)
    return not libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)


def _filter(architecture: int, clone: int, refused: tuple[int, ...]) -> bytes:
    """The program: eight bytes an instruction, jumps counted from the next one."""
    no = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        no,  # a call as another architecture makes it
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _OTHER_NUMBERS),
        no,
        # Its flags lie in memory, where no filter looks: the C library then falls back to clone.
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    for number in (*refused, *_EVERYWHERE):
        steps += [(_EQUAL, 0, 1, number), no]
    steps += [
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),  # threads stay allowed
        no,
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("<HBBI", *step) for step in steps)
