# SPDX-License-Identifier: Apache-2.0
"""Memory that another sandbox shares is attached."""
import os

from cases import Rule

rule = Rule("isolation.shared_memory", severity="high")


def key(case):
    """Of a System V segment that is gone with the case."""
    value = 0x666E0000 + case.stage.next_port()
    remover = case.bare("remover")
    case.stack.callback(lambda: remover.trigger("segment_remove", value))
    return value


@rule.attack("a System V segment")
def _(case):
    value = key(case)
    case.bare("owner").trigger("segment_make", value, check=True)
    thief = case.bare()
    case.act()
    thief.trigger("segment_attach", value, check=True)


def posix(case, flags):
    path = f"/dev/shm/fnshield-{os.getpid()}-{case.stage.next_port()}"
    case.stack.callback(lambda: os.path.exists(path) and os.remove(path))
    case.bare(case.function + "-owner").python(f"open({path!r}, 'w').write('private')")
    thief = case.bare()
    case.act()
    thief.python(f"import mmap, os\nend = os.open({path!r}, os.{flags})\n"
                 f"KEPT = mmap.mmap(end, 7, prot=mmap.PROT_READ)\nos.close(end)")


@rule.attack("POSIX shared memory, to read and write")
def _(case):
    posix(case, "O_RDWR")


@rule.attack("POSIX shared memory, to read")
def _(case):
    posix(case, "O_RDONLY")


@rule.quiet("one sandbox's own segments of both kinds, workers included")
def _(case):
    value = key(case)
    function = case.bare()
    function.trigger("segment_make", value, check=True)
    function.trigger("segment_attach", value, check=True)
    function.python("import multiprocessing.shared_memory as shared\nKEPT = shared.SharedMemory(create=True, size=64)\n"
                    "AGAIN = shared.SharedMemory(KEPT.name)\nAGAIN.close()\nKEPT.close()\nKEPT.unlink()")
