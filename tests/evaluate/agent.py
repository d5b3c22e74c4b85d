# SPDX-License-Identifier: Apache-2.0
"""A function for the evaluation: serves HTTP on $PORT and does what a request tells it to do, as a handler would into
which an attacker got: in the serving process itself, or in a program that it starts.

A request's body is JSON: {"python": CODE} runs CODE here and answers its `result`; {"run": ARGV, "input": TEXT} starts a
program and answers {"code", "output"}; {"start": ARGV} starts one and answers its pid at once. GET answers "ok". With $INIT
the code in it runs before the port is opened; with $WORKERS that many children serve from the same port.

Few imports: hundreds of these start in one run.
"""
import json
import os
import socket
import sys

NAMES = {"__name__": "agent"}  # what one piece of code leaves behind, the next one finds


def run(argv, text):
    """Starts a program as system() would, with its output on a pipe."""
    read_end, write_end = os.pipe()
    input_read, input_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(input_read, 0)
        os.dup2(write_end, 1)
        os.dup2(write_end, 2)
        try:
            os.closerange(3, 256)
            os.execvp(argv[0], argv)
        except OSError as error:
            os.write(2, str(error).encode())
        os._exit(127)
    for end in (write_end, input_read):
        os.close(end)
    os.write(input_write, text.encode())
    os.close(input_write)
    output = b""
    while chunk := os.read(read_end, 65536):
        output += chunk
    os.close(read_end)
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "output": output.decode(errors="replace")}


def start(argv):
    child = os.fork()
    if child == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for end in (0, 1, 2):
            os.dup2(null, end)
        os.closerange(3, 256)
        os.execvp(argv[0], argv)
    return child


def python(code):
    NAMES.pop("result", None)
    exec(compile(code, "<request>", "exec"), NAMES)
    return NAMES.get("result")


def act(order):
    if "python" in order:
        return python(order["python"])
    if "start" in order:
        return start(order["start"])
    return run(order["run"], order.get("input", ""))


def answer(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return
        data += chunk
    head, body = data.split(b"\r\n\r\n", 1)
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    status, reply = "200 OK", "ok"
    if length:
        try:
            reply = act(json.loads(body))
        except Exception as error:  # the caller reads it
            status, reply = "500 Internal Server Error", f"{type(error).__name__}: {error}"
    text = json.dumps(reply).encode()
    connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text)


def main():
    if "INIT" in os.environ:
        python(os.environ["INIT"])
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("0.0.0.0", int(os.environ["PORT"])))
    server.listen(64)
    for _ in range(int(os.environ.get("WORKERS", "0"))):
        if os.fork() == 0:
            break
    while True:
        connection, _ = server.accept()
        with connection:
            try:
                answer(connection)
            except OSError as error:
                print(f"agent: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
