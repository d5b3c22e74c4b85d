# SPDX-License-Identifier: Apache-2.0
"""What one function wrote is another one's code or model."""
from cases import Rule

rule = Rule("model.shared_cache_poisoned", severity="high", policy={"exec": {"warm": ["/**"]}})


def mounted(folder):
    return {"destination": "/cache", "type": "bind", "source": str(folder), "options": ["rbind", "rw"]}


def write_then(case, name, content, use):
    """Another function writes the file; this one uses it."""
    volume = mounted(case.folder())
    writer = case.container(case.function + "-writer", mounts=[volume])
    reader = case.container(mounts=[volume])
    writer.python(f"import os\nopen('/cache/{name}', 'wb').write({content})\nos.chmod('/cache/{name}', 0o755)")
    case.act()
    use(reader)


@rule.attack("a pickle")
def _(case):
    write_then(case, "model.pkl", "b'x'", lambda reader: reader.python("open('/cache/model.pkl', 'rb').read()"))


@rule.attack("a module, renamed into place")
def _(case):
    write_then(case, "upload.tmp", "b'x = 1'", lambda reader: reader.python(
        "import os, sys\nos.rename('/cache/upload.tmp', '/cache/plugin.py')\nsys.path.append('/cache')\nimport plugin"))


@rule.attack("a program")
def _(case):
    write_then(case, "tool", "open('/usr/bin/true', 'rb').read()", lambda reader: reader.run("/cache/tool"))


@rule.attack("a library under a name of data")
def _(case):
    library = "open(__import__('glob').glob('/usr/lib/*/libm.so.6')[0], 'rb').read()"
    write_then(case, "picture.png", library, lambda reader: reader.python("import ctypes\nKEPT = ctypes.CDLL('/cache/picture.png')"))


@rule.quiet("the node's puller wrote the model")
def _(case):
    folder = case.folder()
    reader = case.container(mounts=[mounted(folder)])
    (folder / "model.pkl").write_bytes(b"x")
    reader.python("open('/cache/model.pkl', 'rb').read()")


@rule.quiet("data that functions pass on")
def _(case):
    write_then(case, "picture.jpg", "b'x'", lambda reader: reader.python("open('/cache/picture.jpg', 'rb').read()"))


@rule.quiet("another sandbox of the same function wrote it")
def _(case):
    volume = mounted(case.folder())
    one, other = case.container(mounts=[volume]), case.container(mounts=[volume])
    one.python("open('/cache/model.pkl', 'wb').write(b'x')")
    other.python("open('/cache/model.pkl', 'rb').read()")
