# SPDX-License-Identifier: Apache-2.0
"""The disk of a virtual machine: an ext4 image with the kernel tests, what they run, and the libraries of it all.

The tests know the paths of this build, so the files lie at the same paths in the image. Programs are this machine's own:
the cases look at /usr/bin/dash, at runc and at real files, not at one busybox with many names.
"""
import lzma
import os
import pathlib
import re
import shutil
import subprocess

import kernels

SOURCE = pathlib.Path(__file__).resolve().parent
BUILT = ["kernel_tests", "trigger", "fnshieldd", "fnshield", "vm_exit"]
PROGRAMS = ["busybox", "cat", "cp", "dash", "echo", "false", "insmod", "ls", "mkdir", "mount", "rm", "runc", "tail", "true", "uname"]
MODULES = ["overlay"]  # what the cases need and a cloud kernel has as a module
FOLDERS = ["dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "vm"]
# A case waits this many times longer for what must come: every instruction is emulated, on two shared cores.
SLOWNESS = 20
FREE_BYTES = 64 << 20


def libraries(program):
    """The shared libraries that a program needs, with the loader; none for a static one."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return {pathlib.Path(path) for path in re.findall(r"(/\S+) \(0x", listed)}


class Root:
    """The folder that becomes the image."""

    def __init__(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        for name in FOLDERS:
            (folder / name).mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            (folder / name).symlink_to(f"usr/{name}")

    def add(self, source, at=None):
        """A file at its own path (below /usr where / has only a link), or at another."""
        place = re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", str(at or source))
        target = self.folder / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(source, target)
        return target

    def add_program(self, program):
        for library in libraries(program):
            self.add(library)
        return self.add(program)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


def add_programs(root, build):
    for name in PROGRAMS:
        found = shutil.which(name, path=kernels.ENVIRONMENT["PATH"])
        if found is None:
            raise kernels.FetchError(f"no program {name} on this machine")
        root.add_program(found)
    (root.folder / "usr/bin/sh").symlink_to("dash")
    for name in BUILT:
        target = root.add_program(build / name)
        kernels.run("strip", "--strip-debug", target)


def add_modules(root, kernel):
    """Puts them there uncompressed, whichever way the package has them, and lists them in the order of insertion."""
    inserted = []
    for module in kernels.modules(kernel, MODULES):
        place = f"vm/{module.name.removesuffix('.xz')}"
        (root.folder / place).write_bytes(lzma.open(module).read() if module.suffix == ".xz" else module.read_bytes())
        inserted.append(f"/{place}")
    root.write("vm/modules", "".join(f"{place}\n" for place in inserted))


def make(build, kernel, runs, folder, environment=()):
    """The disk for one kernel; `runs` are (backend, filter), `environment` has more "NAME=value" for the tests."""
    root = Root(folder / "root")
    add_programs(root, build)
    add_modules(root, kernel)
    for name, mode in (("passwd", 0o644), ("shadow", 0o600)):  # what acts read, or may not read
        root.write(f"etc/{name}", "root:x:0:0:root:/root:/bin/sh\n").chmod(mode)
    root.write("vm/runs", "".join(f"{backend} {pattern}\n" for backend, pattern in runs))
    exported = [f"FNSHIELD_TEST_SLOWNESS={SLOWNESS}", *environment]
    root.write("vm/environment", "".join(f"export {setting}\n" for setting in exported) +
               f"KERNEL_TESTS={build / 'kernel_tests'}\nVM_EXIT={build / 'vm_exit'}\n")
    init = root.add(SOURCE / "init.sh", "/vm/init")
    init.chmod(0o755)
    disk = folder / "disk.img"
    disk.unlink(missing_ok=True)
    size = sum(file.stat().st_size for file in root.folder.rglob("*") if file.is_file() and not file.is_symlink())
    with open(disk, "wb") as image:
        os.truncate(image.fileno(), size * 5 // 4 + FREE_BYTES)
    # No journal: the machine is thrown away. Old kernels must know every feature.
    kernels.run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal,^metadata_csum_seed,^orphan_file", "-d", root.folder, disk)
    shutil.rmtree(root.folder)
    return disk
