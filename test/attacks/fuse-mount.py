"""
Mounts a FUSE file system in the mount namespace of a process and never answers a request on it, until standard input
ends, when it is unmounted: fuse-mount.py PID MOUNT_POINT
"""

import ctypes
import os
import sys

pid, mount_point = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x00020000
fuse = os.open("/dev/fuse", os.O_RDWR)
if libc.setns(os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY), CLONE_NEWNS) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
if libc.mount(b"silent", mount_point.encode(), b"fuse", 0, options.encode()) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
print("ready", flush=True)
sys.stdin.read()
MNT_DETACH = 2
libc.umount2(mount_point.encode(), MNT_DETACH)
