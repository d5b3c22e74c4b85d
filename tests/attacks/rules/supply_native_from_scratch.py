# SPDX-License-Identifier: Apache-2.0
"""Machine code that did not come with the image is mapped while warm."""
from cases import Rule

rule = Rule("supply.native_from_scratch", severity="high")

COPY = "import ctypes, glob, shutil\nshutil.copy(glob.glob('/usr/lib/*/libm.so.6')[0], {path!r})\n"


def load(path):
    def attack(case):
        function = case.container()
        case.act()
        function.python(COPY.format(path=path) + f"KEPT = ctypes.CDLL({path!r})")

    return attack


rule.attack("a library in /tmp")(load("/tmp/extension.so"))
rule.attack("in the writable layer")(load("/app/extension.so"))
rule.attack("in /dev/shm")(load("/dev/extension.so"))


@rule.attack("in a memfd")
def _(case):
    function = case.container()
    case.act()
    function.trigger("map_exec_memfd")


@rule.attack("mapped for reading, made executable later")
def _(case):
    function = case.container()
    function.python("open('/tmp/later.so', 'wb').write(bytes(8192))")
    case.act()
    function.trigger("map_exec_later", "/tmp/later.so")


@rule.attack("unlinked before it is mapped")
def _(case):
    function = case.container()
    case.act()
    function.python(COPY.format(path="/app/gone.so") + "import os\nend = os.open('/app/gone.so', os.O_RDONLY)\n"
                    "os.unlink('/app/gone.so')\nKEPT = ctypes.CDLL(f'/proc/self/fd/{end}')")


@rule.quiet("built before ready, loaded again while warm")
def _(case):
    case.container(init=COPY.format(path="/tmp/built.so") + "ctypes.CDLL('/tmp/built.so')").python(
        "import ctypes\nKEPT = ctypes.CDLL('/tmp/built.so')")


@rule.quiet("a library of the image, and a file of data mapped for reading")
def _(case):
    function = case.container()
    function.python("import ctypes\nKEPT = ctypes.CDLL('libm.so.6')")
    function.python("import mmap\nopen('/tmp/data', 'wb').write(bytes(8192))\n"
                    "with open('/tmp/data', 'rb') as file:\n    KEPT = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)")
