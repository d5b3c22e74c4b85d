/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What kind of file an open is about, by the kernel's object and by its bare name. Part of file.bpf.c. */
#ifndef FNSHIELD_BPF_FILE_CLASS_H
#define FNSHIELD_BPF_FILE_CLASS_H

#include "../lib/file_kind.bpf.h"
#include "../lib/proc.bpf.h"

#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFCHR 0020000

#define SYSFS_MAGIC      0x62656572
#define DEBUGFS_MAGIC    0x64626720
#define TRACEFS_MAGIC    0x74726163
#define SECURITYFS_MAGIC 0x73636673
#define BINFMTFS_MAGIC   0x42494e4d
#define CONFIGFS_MAGIC   0x62656570
#define EFIVARFS_MAGIC   0xde5e81e4

/* Device numbers, from the kernel's Documentation/admin-guide/devices.txt. */
#define MAJOR_MEMORY   1 /* mem, kmem, port, kmsg */
#define MAJOR_NVIDIA   195
#define MAJOR_DRM      226
#define MAJOR_ACCEL    261
#define FIRST_RENDERER 128 /* minor of the first /dev/dri/renderD*; those below are displays */

/* --- what the object tells ----------------------------------------------------------------------------------- */

static __always_inline enum fns_file_class class_of_device(__u32 device)
{
    __u32 major = device >> 20;
    __u32 minor = device & 0xfffff;

    if (major == MAJOR_MEMORY)
        return minor == 1 || minor == 2 || minor == 4 || minor == 11 ? FNS_FILE_CLASS_KERNEL_MEMORY
                                                                     : FNS_FILE_CLASS_NONE;
    if (major == MAJOR_NVIDIA || major == MAJOR_ACCEL || (major == MAJOR_DRM && minor >= FIRST_RENDERER))
        return FNS_FILE_CLASS_ACCELERATOR;
    return FNS_FILE_CLASS_NONE;
}

/* Of a file of procfs. What is about a process is the memory sensor's. */
static __always_inline enum fns_file_class class_in_proc(const struct inode *inode, const struct dentry *dentry,
                                                         bool writes)
{
    __u64 head = 0;

    if (fns_proc_pid(inode))
        return FNS_FILE_CLASS_NONE;
    bpf_probe_read_kernel_str(&head, sizeof(head), BPF_CORE_READ(dentry, d_name.name));
    if (head == FNS_HEAD("kcore") || head == FNS_HEAD("kmsg"))
        return FNS_FILE_CLASS_KERNEL_MEMORY;
    return writes ? FNS_FILE_CLASS_KERNEL_SETTING : FNS_FILE_CLASS_NONE;
}

/* enum fns_file_class, of what the kernel's own object is, whatever path leads there: two loads for most files. */
FNS_VERIFIED_ALONE int class_of_object(__u64 inode_address, __u64 dentry_address, __u32 writes)
{
    const struct inode *inode = (const struct inode *)inode_address;
    __u32 type = BPF_CORE_READ(inode, i_mode) & S_IFMT;

    if (type == S_IFBLK)
        return FNS_FILE_CLASS_BLOCK_DEVICE;
    if (type == S_IFCHR)
        return class_of_device(BPF_CORE_READ(inode, i_rdev));
    if (type != S_IFREG)
        return FNS_FILE_CLASS_NONE;
    switch (fns_inode_magic(inode)) {
    case PROC_SUPER_MAGIC:
        return class_in_proc(inode, (const struct dentry *)dentry_address, writes);
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
        return FNS_FILE_CLASS_KERNEL_MEMORY;
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
        return writes ? FNS_FILE_CLASS_CGROUP : FNS_FILE_CLASS_NONE;
    case SYSFS_MAGIC:
    case SECURITYFS_MAGIC:
    case BINFMTFS_MAGIC:
    case CONFIGFS_MAGIC:
    case EFIVARFS_MAGIC:
        return writes ? FNS_FILE_CLASS_KERNEL_SETTING : FNS_FILE_CLASS_NONE;
    default:
        return FNS_FILE_CLASS_NONE;
    }
}

/* --- what the name tells ------------------------------------------------------------------------------------- */

#define NAME_OF_8(a, b, c, d, e, f, g, h)                                                                              \
    ((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | (__u64)(f) << 40 |        \
     (__u64)(g) << 48 | (__u64)(h) << 56)

/*
 * Of a file that an interpreter reads while it starts: what Python runs before the program (NAME.pth,
 * sitecustomize.py, usercustomize.py and what they were compiled to), and where packages begin (__init__.py,
 * package.json). Two reads of the name for most files.
 */
FNS_VERIFIED_ALONE int class_of_name(__u64 dentry_address)
{
    const struct dentry *dentry = (const struct dentry *)dentry_address;
    const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
    __u32 length = BPF_CORE_READ(dentry, d_name.len);
    __u64 head = 0;
    __u32 tail = 0;

    if (length < 5 || length > FNS_NAME_MAX)
        return FNS_FILE_CLASS_NONE;
    bpf_probe_read_kernel(&head, sizeof(head), name);
    if (head == NAME_OF_8('s', 'i', 't', 'e', 'c', 'u', 's', 't') ||
        head == NAME_OF_8('u', 's', 'e', 'r', 'c', 'u', 's', 't'))
        return FNS_FILE_CLASS_STARTUP_HOOK;
    if (head == NAME_OF_8('_', '_', 'i', 'n', 'i', 't', '_', '_') ||
        (head == NAME_OF_8('p', 'a', 'c', 'k', 'a', 'g', 'e', '.') && length == 12))
        return FNS_FILE_CLASS_PACKAGE;
    bpf_probe_read_kernel(&tail, sizeof(tail), name + length - sizeof(tail));
    return tail == (__u32)('.' | 'p' << 8 | 't' << 16 | 'h' << 24) ? FNS_FILE_CLASS_STARTUP_HOOK : FNS_FILE_CLASS_NONE;
}

#endif
