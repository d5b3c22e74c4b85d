// SPDX-License-Identifier: Apache-2.0
//
// What the rules share that judge a file by what it is, and not by a list: which events are one of theirs, and how a
// finding tells it. An open that failed is not told by the kernel side; where a recording has one it counts like one
// that did not, for no function has a use for either.
#pragma once

#include <string_view>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

// The file, where the event is the function's own act on one of that class; else null.
[[nodiscard]] const FileBody* file_act(const Observation& seen, fns_file_class file_class);

// What stands behind the last slash.
[[nodiscard]] std::string_view base_name(std::string_view path);

// "resize/i-1 opened <what> /proc/sys/kernel/core_pattern for writing (/usr/bin/python3)". Its key is the path.
[[nodiscard]] Finding make_file_finding(const Observation& seen, const FileBody& file, std::string_view what);

// In the writable layer, on a tmpfs, without a name, or in a memfd: not part of the image.
[[nodiscard]] bool is_in_writable_place(const FileBody& file);

// The file, where the event is the function's own executable mapping of one that did not come with its image: it lies
// in a writable place, or was changed after the sandbox was made. Else null.
[[nodiscard]] const FileBody* mapping_of_own_making(const Observation& seen);

// "resize/i-1 mapped the machine code of /tmp/x.so <when> (/usr/bin/python3)". Its key is the path, of a memfd's
// "memfd".
[[nodiscard]] Finding make_mapping_finding(const Observation& seen, const FileBody& file, std::string_view when);

}  // namespace fnshield::detect
