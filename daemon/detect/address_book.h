// SPDX-License-Identifier: Apache-2.0
//
// Which sandboxes of the node own which address, learnt from what they accept: the local end of a connection that a
// sandbox accepted is an address of its network namespace. What it binds to need not be (IP_FREEBIND). Loopback and the
// unspecified address are everybody's, and not kept. Several sandboxes own one address where they share a network
// namespace (a pod, the host's network).
//
// Bounded: `addresses` in all, kOwners an address, kAddresses a sandbox; freed with its sandboxes.
#pragma once

#include <string>
#include <vector>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detector.h"

namespace fnshield::detect {

class AddressBook {
public:
    AddressBook(std::string_view name, std::size_t addresses) : owners_(name, addresses), addresses_("", addresses) {}

    void note(SandboxId sandbox, const Endpoint& local);
    // Who owns it, latest last; empty where nobody is known to. Valid until the next note() or forget().
    [[nodiscard]] const std::vector<SandboxId>& owners(const Endpoint& remote);
    void forget(SandboxId sandbox);
    [[nodiscard]] TableStats stats() const { return owners_.stats(); }

private:
    static constexpr std::size_t kOwners = 16;
    static constexpr std::size_t kAddresses = 8;

    BoundedTable<std::string, std::vector<SandboxId>> owners_;
    BoundedTable<SandboxId, std::vector<std::string>> addresses_;
};

}  // namespace fnshield::detect
