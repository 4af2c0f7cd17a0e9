"""
A process of the node that goes into given cgroups and connects to an agent's socket: what the kernel says of it is what
it would say of a process of that pod.

    cgroup-process.py MODE SOCKET CGROUP_DIR...
    relay:  listens at SOCKET.relay and hands bytes between it and a connection to SOCKET, which it opens at once
    serve:  as relay, for any number of clients, with a connection for each
    die:    connects and ends
    pass:   connects, sends the connection by SCM_RIGHTS to whoever listens at SOCKET.pass, ends when told to on stdin
    silent: opens 1,000 connections, says nothing on them, and says how many have been closed by the other side
    take:   listens at SOCKET.pass, takes a connection from there and relays it as `relay` does
"""

import os
import resource
import select
import signal
import socket
import sys

mode, path, *cgroups = sys.argv[1:]
for cgroup in cgroups:
    with open(os.path.join(cgroup, "cgroup.procs"), "w") as procs:
        procs.write("0")


def listen(at):
    server = socket.socket(socket.AF_UNIX)
    if os.path.exists(at):
        os.unlink(at)
    server.bind(at)
    server.listen()
    print("ready", flush=True)
    return server


def connect(at):
    """An address is short; through the descriptor of its directory any path fits."""
    connection = socket.socket(socket.AF_UNIX)
    directory = os.open(os.path.dirname(at), os.O_PATH | os.O_DIRECTORY)
    connection.connect(f"/proc/self/fd/{directory}/{os.path.basename(at)}")
    os.close(directory)
    return connection


def relay(agent, at):
    client, _ = listen(at).accept()
    hand(agent, client)


def serve(at):
    server = listen(at)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        client, _ = server.accept()
        if os.fork() == 0:
            server.close()
            hand(connect(path), client)
        client.close()


def hand(agent, client):
    pairs = {agent: client, client: agent}
    while True:
        for source in select.select(list(pairs), [], [])[0]:
            try:
                data = source.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                sys.exit()
            pairs[source].sendall(data)


def poll(sockets):
    """Those that have something to say; select(2) takes no descriptor past 1023."""
    poller = select.poll()
    by_fd = {each.fileno(): each for each in sockets}
    for fd in by_fd:
        poller.register(fd, select.POLLRDHUP | select.POLLHUP)
    return [by_fd[fd] for fd, _ in poller.poll()]


# Names beside the socket would be in a directory of the agent.
beside = os.environ["BESIDE"]
if mode == "relay":
    relay(connect(path), f"{beside}/relay")
elif mode == "serve":
    serve(f"{beside}/relay")
elif mode == "die":
    connect(path)
elif mode == "silent":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    held = [connect(path) for _ in range(1000)]
    print("connected", flush=True)
    closed = 0
    while held:
        for source in poll(held):
            try:
                source.recv(65536)
            except ConnectionError:
                pass
            held.remove(source)
            closed += 1
        print(closed, flush=True)
elif mode == "pass":
    agent = connect(path)
    with connect(f"{beside}/pass") as taker:
        socket.send_fds(taker, [b"."], [agent.fileno()])
        taker.recv(1)
    print("passed", flush=True)
    sys.stdin.read()
elif mode == "take":
    giver, _ = listen(f"{beside}/pass").accept()
    _, fds, _, _ = socket.recv_fds(giver, 1, 1)
    giver.sendall(b".")
    relay(socket.socket(fileno=fds[0]), f"{beside}/relay")
