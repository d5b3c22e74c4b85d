// SPDX-License-Identifier: Apache-2.0
//
// The ports of a row of an egress list, and of the rows that hold for it as well, as the kernel's maps have them. Pure.
// Used by compile.cpp and compile_names.cpp.
#pragma once

#include <arpa/inet.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "fnshield/abi/policy.h"

namespace fnshield {

class ListedPorts {
public:
    ListedPorts() = default;  // none yet
    // Of one row as the policy has it: empty = all.
    explicit ListedPorts(const std::vector<std::uint16_t>& ports)
        : all_(ports.empty()), some_(ports.begin(), ports.end())
    {
    }

    void add(const ListedPorts& other)
    {
        all_ |= other.all_;
        some_.insert(other.some_.begin(), other.some_.end());
    }
    [[nodiscard]] std::size_t count() const { return some_.size(); }
    // Nothing where they are more than FNS_LISTED_PORTS.
    [[nodiscard]] std::optional<fns_ports> packed() const
    {
        fns_ports packed{};
        if (all_)
            return packed;
        if (some_.size() > FNS_LISTED_PORTS)
            return std::nullopt;
        for (const std::uint16_t port : some_)
            packed.port_be[packed.count++] = htons(port);
        return packed;
    }

private:
    bool all_ = false;
    std::set<std::uint16_t> some_;
};

}  // namespace fnshield
