// SPDX-License-Identifier: Apache-2.0
//
// The consumer of both ring buffers. drain() hands out what is there now, the critical ring first; the bytes are valid
// during the call only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "daemon/base/result.h"
#include "daemon/kernel/shared_maps.h"

namespace fnshield {

class Rings {
public:
    using OnRecord = std::function<void(std::span<const std::byte>)>;

    [[nodiscard]] static Result<Rings> make(const SharedMaps& maps, OnRecord on_record);

    // Becomes readable when a record arrives.
    [[nodiscard]] int epoll_fd() const;
    // The number of records handed out.
    [[nodiscard]] Result<int> drain();

private:
    struct Deleter {
        void operator()(ring_buffer* rings) const { ring_buffer__free(rings); }
    };
    Rings(std::unique_ptr<OnRecord> on_record, ring_buffer* rings) : on_record_(std::move(on_record)), rings_(rings) {}

    std::unique_ptr<OnRecord> on_record_;  // its address is libbpf's context
    std::unique_ptr<ring_buffer, Deleter> rings_;
};

}  // namespace fnshield
