# SPDX-License-Identifier: Apache-2.0
"""One function's secret is opened by another one."""
import os

from cases import Rule

rule = Rule("identity.foreign_secret", severity="critical", policy={"files": {"secrets": ["/run/secrets/**"]}})


def mounted(folder, place):
    return {"destination": place, "type": "bind", "source": str(folder), "options": ["rbind", "rw"]}


def owner_of(case, folder):
    (folder / "key").write_text("key")
    owner = case.container(case.function + "-owner", mounts=[mounted(folder, "/run/secrets")])
    owner.python("open('/run/secrets/key').read()")


@rule.attack("the same volume, mounted elsewhere")
def _(case):
    folder = case.folder()
    owner_of(case, folder)
    thief = case.container(mounts=[mounted(folder, "/mnt")])
    case.act()
    thief.python("open('/mnt/key').read()")


@rule.attack("by a hard link, from another program")
def _(case):
    folder, other = case.folder(), case.folder()
    owner_of(case, folder)
    os.link(folder / "key", other / "harmless")
    thief = case.container(mounts=[mounted(other, "/data")])
    case.act()
    thief.run("/usr/bin/cat", "/data/harmless")


@rule.attack("the host's path")
def _(case):
    folder = case.folder()
    owner_of(case, folder)
    thief = case.bare()
    case.act()
    thief.python(f"open({str(folder / 'key')!r}).read()")


@rule.quiet("declared by both")
def _(case):
    folder = case.folder()
    owner_of(case, folder)
    case.container(mounts=[mounted(folder, "/run/secrets")]).python("open('/run/secrets/key').read()")


@rule.quiet("another file of that volume")
def _(case):
    folder = case.folder()
    owner_of(case, folder)
    (folder / "readme").write_text("text")
    case.container(mounts=[mounted(folder, "/mnt")]).python("open('/mnt/readme').read()")
