// SPDX-License-Identifier: Apache-2.0
//
// What stays in the kernel when the daemon does not (enforcement.persist): the shared maps and the links of all
// attached programs, pinned in a folder of bpffs.
//
//   DIR/maps-N/NAME      N: of this layout of the maps; another version's maps are not taken over
//   DIR/links-TIME/ID    the links of one start, named by their ids
//
// A start takes the maps over, attaches its own programs beside those that are pinned, pins its links, and only then
// removes the older ones: there is no moment without the one or the other, and one in which both see an act.
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "daemon/base/result.h"

namespace fnshield {

class Pins {
public:
    // Makes the folders. Fails where `directory` is not on bpffs or cannot be written, and says what would help.
    [[nodiscard]] static Result<Pins> make(const std::string& directory, std::uint64_t now_ns);

    // Where a shared map is pinned: bpf_map__set_pin_path().
    [[nodiscard]] std::string map_path(const std::string& map) const;

    // Pins each BPF link that this process holds and that is not pinned yet, and unpins those of this start that it no
    // longer holds. An error names the first that the kernel does not pin (a perf event's before 5.15); the others are.
    [[nodiscard]] Result<void> pin_links();
    // The links of earlier starts: their programs are detached by it.
    void drop_older_links() const;

    // Unpins everything below `directory`, and removes it; how many objects were unpinned. No folder is no error.
    [[nodiscard]] static Result<std::size_t> remove_all(const std::string& directory);
    // The maps alone, for when they are of another layout than this program's.
    void drop_maps() const;

private:
    Pins(std::string directory, std::string links) : directory_(std::move(directory)), links_(std::move(links)) {}

    std::string directory_;
    std::string links_;  // this start's folder
};

}  // namespace fnshield
