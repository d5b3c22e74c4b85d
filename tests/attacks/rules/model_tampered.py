# SPDX-License-Identifier: Apache-2.0
"""A model file is changed."""
from cases import Rule, compat_entry
from stage import TRIGGER

rule = Rule("model.tampered", severity="critical", policy={"files": {"models": ["/models/**"]}})

FILES = {"models/weights.bin": b"weights" * 100}


def change_by(act):
    def attack(case):
        function = case.container(files=FILES)
        case.act()
        function.run(TRIGGER, act, "/models/weights.bin")

    return attack


for name, act in {"open for writing": "open_write", "by a symbolic link": "open_write_symlink",
                  "relative to its folder": "open_write_relative", "openat2": "open_write_openat2",
                  "O_TRUNC": "open_truncate", "creat": "open_write_creat", "by io_uring": "ring_open_write"}.items():
    rule.attack(name)(change_by(act))

rule.attack("by the 32-bit entry", miss="system call tracepoints do not fire for the 32-bit entry: "
            "fallback.compat_entry, or fentry and LSM programs", needs=compat_entry)(change_by("open_write_32"))


@rule.attack("Python's open, in the serving process")
def _(case):
    function = case.container(files=FILES)
    case.act()
    function.python("open('/models/weights.bin', 'r+b').write(b'x')")


@rule.quiet("reading it before ready")
def _(case):
    case.container(files=FILES, init="open('/models/weights.bin', 'rb').read()")


@rule.quiet("a lock and a cache beside it")
def _(case):
    case.container(files=FILES).python("open('/tmp/weights.lock', 'w').write('x')")
