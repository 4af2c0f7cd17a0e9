"""
Moves a process into a cgroup so deep that the kernel cannot write its path any more, and says `in`; when its own input
ends, it moves the process back and removes what it made.

    deep-cgroup.py CGROUP_DIR PID
"""

import os
import sys

name = "x" * 250
depth = 20
directory, pid = sys.argv[1:]


def move(to):
    try:
        with open(os.open("cgroup.procs", os.O_WRONLY, dir_fd=to), "w") as procs:
            procs.write(pid)
    except ProcessLookupError:
        pass


top = os.open(directory, os.O_RDONLY)
os.chdir(directory)
for _ in range(depth):
    os.mkdir(name)
    os.chdir(name)
move(os.open(".", os.O_RDONLY))
print("in", flush=True)
sys.stdin.read()
move(top)
for _ in range(depth):
    os.chdir("..")
    os.rmdir(name)
