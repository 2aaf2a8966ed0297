"""Commands in processes of their own that need not import torch anew: a server has, and forks for each of them.

python tests/forking.py SOCKET         the server
python tests/forking.py SOCKET ARG …   ``clearsight ARG …`` with the streams, folder and environment of this process
"""

from __future__ import annotations

import json
import os
import socket
import sys
from importlib import import_module
from pathlib import Path

IMPORTED = ("torch", "clearsight.cli", "clearsight.inference", "clearsight.weights", "clearsight.restorers")


def serve(address: str) -> None:
    """Fork for each connection, for ever; returns in the process that is to run a command."""
    for name in IMPORTED:
        import_module(name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        while True:
            connection, _ = listening.accept()
            if os.fork():
                connection.close()
                os.waitpid(-1, 0)
            elif os.fork():
                os._exit(0)  # so that the next in line is nobody's child, and nobody has to wait for it
            else:
                return _answer(connection)


def _answer(connection: socket.socket) -> None:
    """Fork once more, return there with what the client has, and tell the client how that ends."""
    told, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")  # what is made anew knows whether it is a pipe
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    folder, environment, arguments = json.loads(told)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["clearsight", *arguments]


def ask(address: str, arguments: list[str]) -> int:
    """Have a command run with the streams of this process; its exit status."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        told = json.dumps([str(Path.cwd()), dict(os.environ), arguments]).encode()
        socket.send_fds(connection, [told], [0, 1, 2])
        return int(connection.recv(16))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
    serve(sys.argv[1])
    import_module("clearsight.cli").main()
