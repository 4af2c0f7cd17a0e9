"""
Puts a file of FUSE over /proc/PID/cgroup, in the mount namespace that it is started in, and says `ready`. Reads are
answered with what the kernel says there until a line comes on standard input, which is answered with `long`; from then
on with ENAMETOOLONG, as older kernels answer for a cgroup whose path is longer than PATH_MAX. Ends, and takes the file
away, with the end of standard input.

    unwritable-cgroup.py PID
"""

import ctypes
import errno
import os
import select
import struct
import sys

GETATTR, OPEN, READ, RELEASE, INIT = 3, 14, 15, 18, 26
# Who has it open may close it when nobody answers any more.
DIRECT_IO, NO_FLUSH = 1, 32
MNT_DETACH = 2

path = f"/proc/{sys.argv[1]}/cgroup"
real = os.open(path, os.O_RDONLY)
libc = ctypes.CDLL(None, use_errno=True)
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=100444,user_id=0,group_id=0,allow_other"
if libc.mount(b"cgroup", path.encode(), b"fuse", 0, options.encode()) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))

long = False


def answer(opcode, body):
    """The payload of an answer, or an error."""
    if opcode == INIT:
        major, minor, readahead = struct.unpack_from("<III", body)
        return struct.pack("<IIIIHHI32x", 7, min(minor, 31), readahead, 0, 0, 0, 4096)
    if opcode == GETATTR:
        return struct.pack("<QII", 0, 0, 0) + struct.pack("<6Q10I", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o100444, 1, 0, 0, 0, 4096, 0)
    if opcode == OPEN:
        return struct.pack("<QII", 0, DIRECT_IO | NO_FLUSH, 0)
    if opcode == READ:
        _, offset, size = struct.unpack_from("<QQI", body)
        return errno.ENAMETOOLONG if long else os.pread(real, size, offset)
    return b"" if opcode == RELEASE else errno.ENOSYS


try:
    print("ready", flush=True)
    while True:
        readable = select.select([fuse, sys.stdin], [], [])[0]
        if sys.stdin in readable:
            if not os.read(0, 100):
                break
            long = True
            print("long", flush=True)
        if fuse in readable:
            try:
                request = os.read(fuse, 1 << 17)
            except OSError as error:
                # With its process the kernel has taken the file away.
                if error.errno != errno.ENODEV:
                    raise
                break
            _, opcode, unique = struct.unpack_from("<IIQ", request)
            made = answer(opcode, request[40:])
            payload, error = (b"", -made) if isinstance(made, int) else (made, 0)
            os.write(fuse, struct.pack("<IiQ", 16 + len(payload), error, unique) + payload)
finally:
    libc.umount2(path.encode(), MNT_DETACH)
