#!/usr/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
#
# Process 1 of the virtual machine: mounts what a node has (pure cgroup v2), runs the kernel cases once for each line of
# /vm/runs ("BACKEND FILTER"), writes each report to the second serial line and ends the machine with a status.
export PATH=/usr/sbin:/usr/bin LD_LIBRARY_PATH=
b=/usr/bin/busybox

$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
[ -c /dev/null ] || $b mount -t devtmpfs devtmpfs /dev
$b mkdir -p /dev/shm /dev/pts
$b mount -t tmpfs tmpfs /dev/shm
$b mount -t devpts devpts /dev/pts
$b mount -t tmpfs tmpfs /run
$b mount -t cgroup2 cgroup2 /sys/fs/cgroup
$b mount -t bpf bpf /sys/fs/bpf
$b mount -t tracefs tracefs /sys/kernel/tracing
$b mount -t securityfs securityfs /sys/kernel/security
$b ip link set lo up
$b hostname fnshield-vm
while read -r module; do insmod "$module"; done </vm/modules
. /vm/environment

exec 3>/dev/ttyS1
$b stty -F /dev/ttyS1 raw
while read -r backend filter; do
    echo "--- $(uname -r) $backend $filter"
    FNSHIELD_TEST_BACKEND=$backend "$KERNEL_TESTS" --gtest_filter="$filter" --gtest_output=xml:/tmp/report.xml </dev/null
    code=$?
    # Its own line before and after, so that a report that was cut off is told apart from one that is whole.
    printf '=== begin %s %s\n' "$backend" "$code" >&3
    [ -f /tmp/report.xml ] && cat /tmp/report.xml >&3
    printf '=== end %s\n' "$backend" >&3
    rm -f /tmp/report.xml
done </vm/runs
exec 3>&-

# QEMU ends with 2 × 16 + 1. Whoever ends otherwise never came here.
$b sync
"$VM_EXIT" 16
echo "--- the machine would not end"
$b poweroff -f
