"""Make the list of system calls that the kernel refuses in the sandbox, for bubblewrap.

They make memory that belongs to no process, reach into other processes or into the kernel, or make
namespaces; Python's libraries need none of them. A list of allowed calls would be stricter, but
would break with every new version of the libraries. The program is in the form of seccomp(2).
"""

import errno
import platform
import struct

REFUSED = {  # number on x86_64, and on aarch64
    # memory that belongs to no process
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "vmsplice": (278, 75),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    # files by number, and what most holes of the kernel were in
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "fanotify_init": (300, 262), "kexec_load": (246, 104),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
}  # fmt: skip
CLONE, CLONE3, SOCKET = (56, 220), (435, 435), (41, 198)
NAMESPACES = 0x7E020000
"""The flags of clone(2) that make a namespace."""
UNIX = 1
"""The family of sockets within a machine. Others have large buffers, and some lead out of it."""
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Names of architectures, as audit(7) numbers them."""

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data


def program(machine: str = platform.machine()) -> bytes:
    """Return the filter for an architecture, one of ``MACHINES``."""
    column = list(MACHINES).index(machine)
    lines = [(LOAD, 0, 0, MACHINE), (EQUAL, 1, 0, MACHINES[machine]), (RETURN, 0, 0, KILL)]
    # Numbers from 2^30 on would be the same calls once more, in the form of x32.
    lines += [(LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, 1 << 30), (RETURN, 0, 0, KILL)]
    refused = {numbers[column]: errno.EPERM for numbers in REFUSED.values()}
    # The flags of clone3 cannot be read here; without it, the C library calls clone.
    for number, error in {**refused, CLONE3[column]: errno.ENOSYS}.items():
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, _error(error))]
    for number, test, error in [
        (CLONE[column], (ANY_BIT, 0, 1, NAMESPACES), errno.EPERM),
        (SOCKET[column], (EQUAL, 1, 0, UNIX), errno.EAFNOSUPPORT),
    ]:
        lines += [(EQUAL, 0, 4, number), (LOAD, 0, 0, FIRST_ARGUMENT), test]
        lines += [(RETURN, 0, 0, _error(error)), (RETURN, 0, 0, ALLOW)]
    lines += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _error(number: int) -> int:
    return 0x00050000 | number
