# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels for the virtual machines: fetched with apt, unpacked, kept under the build folder.

apt runs with a configuration of its own (lists, cache and status below the folder given), so that neither the machine's
sources nor its packages change. The mirror is the one that the machine's own sources name; only the suite differs.
"""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
META_PACKAGE = "linux-image-cloud-amd64"


@dataclasses.dataclass(frozen=True)
class Suite:
    name: str
    archive: str  # "main" or "security": which of the mirror's archives


# Oldest first. The first of its suites that answers and has the package is taken: the one that still gets fixes.
KERNELS = {
    "5.10": [Suite("bullseye-security", "security"), Suite("bullseye", "main")],
    "6.1": [Suite("bookworm-security", "security"), Suite("bookworm", "main")],
    "6.12": [Suite("trixie-security", "security"), Suite("trixie", "main"), Suite("bookworm-backports", "main")],
    "sid": [Suite("sid", "main")],
}


class NotOffered(Exception):
    """No suite has this kernel any more: nothing that this machine could do about it."""


class FetchError(Exception):
    """It should be there, and could not be had."""


@dataclasses.dataclass
class Kernel:
    name: str      # as in KERNELS
    release: str   # "6.1.0-49-cloud-amd64", what `uname -r` says
    image: pathlib.Path
    root: pathlib.Path  # the unpacked packages; modules are below lib/modules


# Root's tools are found, and messages can be read, whatever the caller's environment says.
ENVIRONMENT = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def run(*argv, **options):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, env=ENVIRONMENT, **options)
    if done.returncode != 0:
        raise FetchError(f"{' '.join(map(str, argv[:2]))}…: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def mirrors():
    """The archives of this machine's own Debian release: {"main": URI, "security": URI}."""
    release = re.search(r"^VERSION_CODENAME=(\S+)", pathlib.Path("/etc/os-release").read_text(), re.M)
    own = release.group(1) if release else "stable"
    found = {}
    for line in run("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages").splitlines():
        suite, uri = line.split(" ", 1)
        if suite == own:
            found.setdefault("main", uri)
        elif suite == f"{own}-security":
            found.setdefault("security", uri)
    if "main" not in found:
        raise FetchError(f"apt's sources name no mirror of {own}")
    # A mirror of the main archive alone does without the security suites.
    return found


class Apt:
    """apt over one suite."""

    def __init__(self, folder, suite, uri):
        self.folder = folder
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        signed = f"[signed-by={KEYRING}] " if os.path.exists(KEYRING) else ""
        (folder / "sources.list").write_text(f"deb {signed}{uri} {suite} main\n")
        settings = {"Dir::State": folder, "Dir::State::lists": folder / "lists", "Dir::State::status": folder / "status",
                    "Dir::Cache": folder / "cache", "Dir::Etc::sourcelist": folder / "sources.list",
                    "Dir::Etc::sourceparts": "/dev/null", "Dir::Etc::preferences": "/dev/null",
                    "Dir::Etc::preferencesparts": "/dev/null", "APT::Sandbox::User": "root",
                    "Acquire::Languages": "none", "APT::Architecture": "amd64", "APT::Architectures": "amd64"}
        self.options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]

    def update(self):
        run("apt-get", *self.options, "-o", "APT::Update::Error-Mode=any", "update")

    def depends(self, package):
        """The linux-… packages that a package depends on; None where the suite does not have it."""
        shown = subprocess.run(["apt-cache", *self.options, "show", "--no-all-versions", package], capture_output=True,
                               text=True, env=ENVIRONMENT)
        if shown.returncode != 0 or not shown.stdout.strip():
            return None
        depends = re.search(r"^Depends: (.*)$", shown.stdout, re.M)
        names = re.findall(r"(?:^|[,|]\s*)([a-z0-9.+-]+)", depends.group(1)) if depends else []
        return [name for name in names if re.match(r"linux-(image|binary|modules)-", name)]

    def all_needed(self, package):
        """A package and all linux-… packages below it; empty where the suite lacks the first."""
        needed, waiting = [], [package]
        while waiting:
            name = waiting.pop()
            below = self.depends(name)
            if below is not None and name not in needed:
                needed.append(name)
                waiting += below
        return needed

    def download(self, packages, into):
        into.mkdir(parents=True, exist_ok=True)
        run("apt-get", *self.options, "download", *packages, cwd=into)


def find(cache, name):
    """(apt, packages) of the first suite that has the kernel."""
    archives = mirrors()
    refused = []
    for suite in KERNELS[name]:
        if suite.archive not in archives:
            refused.append(f"{suite.name}: apt's sources name no {suite.archive} archive")
            continue
        apt = Apt(cache / "apt" / suite.name, suite.name, archives[suite.archive])
        try:
            apt.update()
        except FetchError as error:
            gone = "does not have a Release file" in str(error) or "404" in str(error)
            if not gone:
                raise
            refused.append(f"{suite.name}: the mirror no longer has it")
            continue
        packages = [package for package in apt.all_needed(META_PACKAGE) if package != META_PACKAGE]
        if packages:
            return apt, packages
        refused.append(f"{suite.name}: it has no {META_PACKAGE}")
    raise NotOffered("; ".join(refused))


def unpacked(root):
    """The kernel below an unpacked root: (release, vmlinuz). vmlinuz is in /boot, or with the modules in newer suites."""
    for image in [*root.glob("boot/vmlinuz-*"), *root.glob("usr/lib/modules/*/vmlinuz")]:
        release = image.name.removeprefix("vmlinuz-") if image.parent.name == "boot" else image.parent.name
        return release, image
    raise FetchError(f"no vmlinuz in {', '.join(sorted(deb.name for deb in root.parent.glob('*.deb')))}")


def fetch(cache, name):
    """The kernel `name` of KERNELS, from the cache where it is there."""
    folder = cache / "kernels" / name
    root = folder / "root"
    if not (folder / "complete").exists():
        apt, packages = find(cache, name)
        shutil.rmtree(folder, ignore_errors=True)
        apt.download(packages, folder)
        for deb in folder.glob("*.deb"):
            run("dpkg", "-x", deb, root)
            deb.unlink()
        if not (root / "lib").exists():
            (root / "lib").symlink_to("usr/lib")
        release, _ = unpacked(root)
        run("depmod", "-b", root, release)
        (folder / "complete").touch()
    release, image = unpacked(root)
    return Kernel(name, release, image, root)


def modules(kernel, names):
    """Files of the modules `names` and of what they need, in the order in which to insert them; none for built-in ones."""
    found = []
    for name in names:
        shown = run("modprobe", "-d", kernel.root, "-S", kernel.release, "--show-depends", name)
        for path in re.findall(r"^insmod (\S+)", shown, re.M):
            if path not in found:
                found.append(path)
    return [pathlib.Path(path) for path in found]
