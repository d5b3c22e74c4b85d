// SPDX-License-Identifier: Apache-2.0
//
// Which BPF objects this process holds: what a stranger has no business with (health.tamper). Read from the descriptors
// that are open, so that it is complete whoever made the object, and pinned ones that were opened again count as well.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "fnshield/abi/privilege.h"

namespace fnshield {

// Keys of the kernel side's `own_objects`. `proc` is for tests.
[[nodiscard]] Result<std::vector<std::uint64_t>> own_objects(const std::string& proc = "/proc");

// A BPF link by its descriptor, which stays its owner's, and its id.
struct OwnLink {
    int fd = -1;
    std::uint32_t id = 0;
};
[[nodiscard]] Result<std::vector<OwnLink>> own_links(const std::string& proc = "/proc");

// The key that one /proc/self/fdinfo/N tells ("map_id:", "prog_id:", "link_id:"); 0 where it is no BPF object. `link`
// is what /proc/self/fd/N leads to: a link's fdinfo also names the program that it attaches.
[[nodiscard]] std::uint64_t object_of_fdinfo(std::string_view link, std::string_view fdinfo);

}  // namespace fnshield
