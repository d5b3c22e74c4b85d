// SPDX-License-Identifier: Apache-2.0
//
// See address_book.h.
#include "daemon/detect/address_book.h"

#include <algorithm>

namespace fnshield::detect {
namespace {

// Empty for what is nobody's own.
std::string key_of(const Endpoint& endpoint)
{
    if (endpoint.family == 0 || endpoint.is_loopback() || endpoint.is_unspecified())
        return {};
    return std::string(endpoint.address.begin(), endpoint.address.end()) + static_cast<char>(endpoint.family);
}

}  // namespace

void AddressBook::note(SandboxId sandbox, const Endpoint& local)
{
    std::string key = key_of(local);
    if (key.empty())
        return;
    std::vector<SandboxId>& owners = owners_.get(key);
    if (std::ranges::find(owners, sandbox) != owners.end())
        return;
    if (owners.size() >= kOwners)
        owners.erase(owners.begin());
    owners.push_back(sandbox);
    std::vector<std::string>& addresses = addresses_.get(sandbox);
    if (addresses.size() >= kAddresses)
        addresses.erase(addresses.begin());
    addresses.push_back(std::move(key));
}

const std::vector<SandboxId>& AddressBook::owners(const Endpoint& remote)
{
    static const std::vector<SandboxId> kNobody;
    const std::string key = key_of(remote);
    const auto* found = key.empty() ? nullptr : owners_.find(key);
    return found ? *found : kNobody;
}

void AddressBook::forget(SandboxId sandbox)
{
    const auto* addresses = addresses_.find(sandbox);
    if (!addresses)
        return;
    for (const std::string& key : *addresses) {
        auto* owners = owners_.find(key);
        if (!owners)
            continue;
        std::erase(*owners, sandbox);
        if (owners->empty())
            owners_.erase(key);
    }
    addresses_.erase(sandbox);
}

}  // namespace fnshield::detect
