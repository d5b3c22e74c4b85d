// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/compile.h"

#include <sys/socket.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "daemon/policy/compile_names.h"
#include "daemon/policy/compile_paths.h"
#include "daemon/policy/compile_ports.h"
#include "daemon/policy/guards.h"

namespace fnshield {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

// A network as the trie has it. `mapped`: of IPv4, which only IPv4 rows speak of.
struct Network {
    std::array<std::uint8_t, 16> address{};
    unsigned bits = 0;
    bool mapped = false;

    [[nodiscard]] bool contains(const Network& inner) const
    {
        if (mapped != inner.mapped || bits > inner.bits)
            return false;
        for (unsigned bit = 0; bit < bits; ++bit)
            if (((address[bit / 8] ^ inner.address[bit / 8]) & (0x80U >> (bit % 8))) != 0)
                return false;
        return true;
    }
    bool operator==(const Network&) const = default;
};

bool is_mapped(const Endpoint& base)
{
    return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), base.address.begin());
}

// The same reading as Cidr::contains: ::ffff:a.b.c.d is a.b.c.d, whatever way it was written.
Network network_of(const Cidr& cidr)
{
    Network network;
    if (cidr.base.family == AF_INET) {
        std::ranges::copy(kMappedPrefix, network.address.begin());
        std::copy_n(cidr.base.address.begin(), 4, network.address.begin() + kMappedPrefix.size());
        network.bits = kMappedBits + cidr.prefix_bits;
        network.mapped = true;
    } else {
        network.address = cidr.base.address;
        network.mapped = is_mapped(cidr.base);
        network.bits = network.mapped ? std::max<unsigned>(cidr.prefix_bits, kMappedBits) : cidr.prefix_bits;
    }
    for (unsigned bit = network.bits; bit < 128; ++bit)
        network.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
    return network;
}

struct NetworkRow {
    Network network;
    ListedPorts ports;
    std::size_t index = 0;  // in the policy's list
};

// "2001::/16" and "::/0" say nothing about IPv4, but the trie holds it inside of them: a row stops that from being
// found there. No socket has port 0.
void shield_mapped(std::vector<NetworkRow>& rows)
{
    Network all_mapped{.bits = kMappedBits, .mapped = true};
    std::ranges::copy(kMappedPrefix, all_mapped.address.begin());
    Network seen_as_v6 = all_mapped;
    seen_as_v6.mapped = false;
    const bool covered =
        std::ranges::any_of(rows, [&](const NetworkRow& row) { return row.network.contains(seen_as_v6); });
    if (covered && std::ranges::find(rows, all_mapped, &NetworkRow::network) == rows.end())
        rows.push_back({all_mapped, ListedPorts({0}), 0});
}

// Those of a row and of the rows around it.
ListedPorts united_ports(const Network& network, std::span<const NetworkRow> rows)
{
    ListedPorts ports;
    for (const NetworkRow& row : rows)
        if (row.network.contains(network))
            ports.add(row.ports);
    return ports;
}

class Compiler {
public:
    Compiler(const Policy& policy, Mode mode, std::uint32_t number) : policy_(policy), number_(number)
    {
        fns_policy& head = made_.head;
        head.flags = mode == Mode::enforce ? FNS_POLICY_ENFORCE : 0;
        if (policy.egress.metadata_service_allowed)
            head.flags |= FNS_POLICY_METADATA_ALLOWED;
        if (policy.ready.kind == ReadyRule::Kind::listen)
            head.flags |= FNS_POLICY_READY_BY_LISTEN;
        if (policy.memory.allow_from)
            head.flags |= FNS_POLICY_MEMORY_LISTED;
        head.ready_port = policy.ready.port;
        for (const fns_phase phase : {FNS_PHASE_INIT, FNS_PHASE_WARM})
            for (const GuardRow& row : guard_rows())
                head.action[phase][row.guard] =
                    static_cast<std::uint8_t>(kernel_action(policy.action_for(rule_of(row.guard, phase))));
    }

    void paths(fns_list list, std::string_view name, std::string_view rule, std::span<const std::string> globs,
               bool programs);
    void egress(fns_list list, std::string_view name, std::string_view rule, const std::vector<EgressRule>& rules);
    void names();
    void resolvers();
    void check_rules();
    // The kernel side has to decide by the rule's list.
    [[nodiscard]] bool acts(std::string_view rule) const
    {
        const Action action = policy_.action_for(rule);
        return action == Action::deny || action == Action::kill;
    }
    [[nodiscard]] CompiledPolicy take() && { return std::move(made_); }

private:
    void networks(fns_list list, std::vector<NetworkRow> rows, std::string_view name, std::string_view rule);

    const Policy& policy_;
    std::uint32_t number_;
    CompiledPolicy made_;
};

void Compiler::paths(fns_list list, std::string_view name, std::string_view rule, std::span<const std::string> globs,
                     bool programs)
{
    PathRows compiled = compile_paths(globs, programs);
    if (!compiled.faults.empty()) {
        for (PathFault& fault : compiled.faults)
            if (acts(rule))
                made_.unsupported.push_back(
                    {std::string(rule), std::string(name), fault.index, std::move(fault.reason)});
        return;
    }
    made_.head.lists |= 1U << list;
    for (const PathRow& row : compiled.rows) {
        fns_path_key key{};
        key.prefix_bits = static_cast<std::uint32_t>(FNS_PATH_KEY_BITS(row.prefix.size()));
        key.policy_id = number_;
        key.list = list;
        std::memcpy(key.path, row.prefix.data(), row.prefix.size());
        made_.paths.emplace_back(key, fns_path_value{.tails = row.tails,
                                                     .prefix_bytes = static_cast<std::uint16_t>(row.prefix.size()),
                                                     .shorter_bytes = row.shorter_bytes});
    }
}

void Compiler::networks(fns_list list, std::vector<NetworkRow> rows, std::string_view name, std::string_view rule)
{
    const std::size_t written = rows.size();
    shield_mapped(rows);
    std::vector<std::pair<fns_network_key, fns_ports>> compiled;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const NetworkRow& row = rows[i];
        const auto ports = i < written ? united_ports(row.network, std::span(rows).first(written)) : row.ports;
        const auto value = ports.packed();
        if (!value) {
            if (acts(rule))
                made_.unsupported.push_back({std::string(rule), std::string(name), row.index,
                                             fmt::format("{} ports for one network, with those of the networks around "
                                                         "it; the kernel holds {}",
                                                         ports.count(), FNS_LISTED_PORTS)});
            return;
        }
        fns_network_key key{};
        key.prefix_bits = FNS_NETWORK_KEY_BITS(row.network.bits);
        key.policy_id = number_;
        key.list = list;
        std::ranges::copy(row.network.address, key.address);
        compiled.emplace_back(key, *value);
    }
    made_.head.lists |= 1U << list;
    std::ranges::move(compiled, std::back_inserter(made_.networks));
}

void Compiler::egress(fns_list list, std::string_view name, std::string_view rule, const std::vector<EgressRule>& rules)
{
    std::vector<NetworkRow> rows;
    for (std::size_t i = 0; i < rules.size(); ++i)
        if (rules[i].cidr)
            rows.push_back({network_of(*rules[i].cidr), ListedPorts(rules[i].ports), i});
    networks(list, std::move(rows), name, rule);
}

void Compiler::names()
{
    CompiledNames compiled = compile_names(policy_, number_);
    for (UnsupportedName& row : compiled.unsupported) {
        const std::string_view rule =
            rule_of(FNS_GUARD_EGRESS, row.list == FNS_LIST_EGRESS_INIT ? FNS_PHASE_INIT : FNS_PHASE_WARM);
        if (acts(rule))
            made_.unsupported.push_back({std::string(rule),
                                         row.list == FNS_LIST_EGRESS_INIT ? "egress.init" : "egress.warm", row.index,
                                         std::move(row.reason)});
    }
    if (!compiled.rows.empty())
        made_.head.flags |= FNS_POLICY_NAMES_LISTED;
    for (const ListedName& row : compiled.rows)
        made_.names.emplace_back(row.key, row.ports);
}

void Compiler::resolvers()
{
    std::vector<NetworkRow> rows;
    for (const Cidr& cidr : policy_.egress.resolvers)
        rows.push_back({network_of(cidr), ListedPorts({53, 853}), rows.size()});
    networks(FNS_LIST_RESOLVERS, std::move(rows), "egress.resolvers", {});
}

void Compiler::check_rules()
{
    for (const auto& [rule, setting] : policy_.rules)
        if (setting.action == Action::deny && !guard_of(rule))
            made_.unsupported.push_back(
                {rule,
                 {},
                 0,
                 "the kernel has no hook that could refuse it; 'kill' and 'freeze' are done after the act"});
}

}  // namespace

CompiledPolicy compile(const Policy& policy, Mode mode, std::uint32_t number)
{
    Compiler compiler(policy, mode, number);
    if (policy.exec.init)
        compiler.paths(FNS_LIST_EXEC_INIT, "exec.init", rule_of(FNS_GUARD_EXEC, FNS_PHASE_INIT), *policy.exec.init,
                       true);
    if (policy.exec.warm)
        compiler.paths(FNS_LIST_EXEC_WARM, "exec.warm", rule_of(FNS_GUARD_EXEC, FNS_PHASE_WARM), *policy.exec.warm,
                       true);
    if (policy.egress.init)
        compiler.egress(FNS_LIST_EGRESS_INIT, "egress.init", rule_of(FNS_GUARD_EGRESS, FNS_PHASE_INIT),
                        *policy.egress.init);
    if (policy.egress.warm)
        compiler.egress(FNS_LIST_EGRESS_WARM, "egress.warm", rule_of(FNS_GUARD_EGRESS, FNS_PHASE_WARM),
                        *policy.egress.warm);
    compiler.names();
    compiler.resolvers();
    const std::string_view model_read = rule_of(FNS_GUARD_MODEL_READ, FNS_PHASE_WARM);
    const std::string_view model_write = rule_of(FNS_GUARD_MODEL_WRITE, FNS_PHASE_WARM);
    if (!policy.files.models.empty())
        compiler.paths(FNS_LIST_MODELS, "files.models", compiler.acts(model_read) ? model_read : model_write,
                       policy.files.models, false);
    if (!policy.files.secrets.empty())
        compiler.paths(FNS_LIST_SECRETS, "files.secrets", {}, policy.files.secrets, false);
    if (!policy.files.code.empty())
        compiler.paths(FNS_LIST_CODE, "files.code", {}, policy.files.code, false);
    compiler.check_rules();
    return std::move(compiler).take();
}

}  // namespace fnshield
