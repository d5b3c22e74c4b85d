// SPDX-License-Identifier: Apache-2.0
//
// The egress sensor with a policy in the kernel's maps, in monitor or in enforce mode: what an act comes to in its own
// process, and what its event says.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "daemon/policy/compile_names.h"
#include "tests/kernel/egress_fixture.h"

namespace fnshield::testing {

inline constexpr std::uint32_t kPolicy = 1;

class EgressPolicy : public Egress {
protected:
    // The sensor and its maps are the suite's; what a case writes there is its own.
    void SetUp() override
    {
        Egress::SetUp();
        if (harness_ == nullptr)
            return;
        const SharedMaps& maps = harness_->maps();
        forget_all(maps.policies());
        forget_all(maps.listed_networks());
        forget_all(maps.listed_names());
        forget_all(maps.resolved());
    }

    template <typename Key, typename Value>
    static void forget_all(const Map<Key, Value>& map)
    {
        ASSERT_TRUE(map.erase_if([](const Key&, const Value&) { return true; }));
    }

    // Refuses by these guards in both phases; `flags` besides the mode's.
    void refuse(std::vector<fns_guard> guards, bool enforce, std::uint32_t flags = 0,
                fns_action action = FNS_ACTION_DENY)
    {
        policy_.flags = (policy_.flags & FNS_POLICY_NAMES_LISTED) | flags;
        if (enforce)
            policy_.flags |= FNS_POLICY_ENFORCE;
        for (auto& phase : policy_.action)
            for (const fns_guard guard : guards)
                phase[guard] = static_cast<std::uint8_t>(action);
        write_policy();
        ASSERT_TRUE(harness_->maps().assignments().update(sandbox_->id(), {.policy_id = kPolicy}));
    }

    void write_policy() { ASSERT_TRUE(harness_->maps().policies().update(kPolicy, policy_)); }

    // The policy has this list, empty so far.
    void restrict(fns_list list)
    {
        policy_.lists |= 1U << list;
        write_policy();
    }

    void list_network(fns_list list, const char* address, std::uint32_t bits, std::vector<std::uint16_t> ports = {})
    {
        fns_network_key key{};
        key.policy_id = kPolicy;
        key.list = list;
        if (inet_pton(AF_INET6, address, key.address) != 1) {
            key.address[10] = key.address[11] = 0xff;
            ASSERT_EQ(inet_pton(AF_INET, address, key.address + 12), 1);
            bits += 96;
        }
        key.prefix_bits = FNS_NETWORK_KEY_BITS(bits);
        fns_ports value{};
        for (const std::uint16_t port : ports)
            value.port_be[value.count++] = htons(port);
        ASSERT_TRUE(harness_->maps().listed_networks().update(key, value));
        restrict(list);
    }

    // As the daemon compiles it.
    void list_name(fns_list list, const char* glob, std::vector<std::uint16_t> ports)
    {
        Policy policy;
        auto& rows = list == FNS_LIST_EGRESS_WARM ? policy.egress.warm : policy.egress.init;
        rows.emplace().push_back({.dns = glob, .ports = std::move(ports)});
        const CompiledNames compiled = compile_names(policy, kPolicy);
        ASSERT_FALSE(compiled.rows.empty());
        for (const ListedName& row : compiled.rows)
            ASSERT_TRUE(harness_->maps().listed_names().update(row.key, row.ports));
        policy_.flags |= FNS_POLICY_NAMES_LISTED;
        restrict(list);
    }

    void be_warm()
    {
        ASSERT_TRUE(harness_->maps().assignments().update(sandbox_->id(), {.policy_id = kPolicy, .warm = 1}));
    }

    // The act's own word for what came of it: 0 or −errno.
    [[nodiscard]] long result() const
    {
        const auto at = said_.rfind("result=");
        return at == std::string::npos ? 1 : std::strtol(said_.c_str() + at + 7, nullptr, 10);
    }

    // The events of this kind all say that.
    void expect_verdict(EventKind kind, fns_guard guard, fns_action requested, fns_action taken)
    {
        const auto events = of(kind);
        EXPECT_FALSE(events.empty());
        for (const Event& event : events) {
            EXPECT_EQ(event.verdict.guard, guard);
            EXPECT_EQ(event.verdict.requested, requested);
            EXPECT_EQ(event.verdict.taken, taken);
            EXPECT_EQ(event.verdict.policy_id, guard == FNS_GUARD_NONE ? 0U : kPolicy);
            EXPECT_EQ(event.has(FNS_FLAG_DENIED), taken == FNS_ACTION_DENY);
        }
    }

    void expect_let_pass(EventKind kind)
    {
        EXPECT_NE(result(), -EPERM) << said_;
        expect_verdict(kind, FNS_GUARD_NONE, FNS_ACTION_NONE, FNS_ACTION_NONE);
        harness_->clear();
    }

    void expect_refused(EventKind kind, fns_guard guard)
    {
        EXPECT_EQ(result(), -EPERM) << said_;
        expect_verdict(kind, guard, FNS_ACTION_DENY, FNS_ACTION_DENY);
        harness_->clear();
    }

    fns_policy policy_{};
};

}  // namespace fnshield::testing
