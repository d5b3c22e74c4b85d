// SPDX-License-Identifier: Apache-2.0
//
// See compile_names.h. A look-up in the kernel finds the longest row alone, so the ports of a row are added to those of
// every longer row that it begins: *.example on 443 also lists eu.models.example on 443, whatever that row says.
#include "daemon/policy/compile_names.h"

#include <algorithm>
#include <map>
#include <set>

namespace fnshield {
namespace {

struct Ports {
    bool all = false;
    std::set<std::uint16_t> some;
    std::size_t index = 0;  // of a row that has them

    void add(const Ports& other)
    {
        all |= other.all;
        some.insert(other.some.begin(), other.some.end());
    }
};

using Names = std::map<std::string, Ports>;  // by reversed name

Names names_of(const std::vector<EgressRule>& rules, fns_list list, CompiledNames& compiled)
{
    Names names;
    for (std::size_t index = 0; index < rules.size(); ++index) {
        const EgressRule& rule = rules[index];
        if (rule.dns.empty())
            continue;
        const auto reversed = reversed_name(rule.dns);
        if (!reversed) {
            compiled.unsupported.push_back(
                {list, index, "the kernel decides whole names, and a wildcard with what follows it: not " + rule.dns});
            continue;
        }
        Ports& ports = names[*reversed];
        ports.add({.all = rule.ports.empty(), .some = std::set<std::uint16_t>(rule.ports.begin(), rule.ports.end())});
        ports.index = index;
    }
    return names;
}

Ports with_shorter_rows(const Names& names, const std::string& name)
{
    Ports sum;
    for (const auto& [other, ports] : names)
        if (name.starts_with(other))
            sum.add(ports);
    return sum;
}

bool fill(fns_ports& to, const Ports& from)
{
    if (from.all)
        return true;
    if (from.some.size() > FNS_LISTED_PORTS)
        return false;
    for (const std::uint16_t port : from.some)
        to.port_be[to.count++] = static_cast<std::uint16_t>(port << 8 | port >> 8);  // network order
    return true;
}

void compile_list(const std::vector<EgressRule>& rules, fns_list list, std::uint32_t policy_id, CompiledNames& compiled)
{
    const Names names = names_of(rules, list, compiled);
    for (const auto& [name, own] : names) {
        ListedName row;
        if (!fill(row.ports, with_shorter_rows(names, name))) {
            compiled.unsupported.push_back({list, own.index,
                                            "one name has more than " + std::to_string(FNS_LISTED_PORTS) +
                                                " ports, with those of the rows around it"});
            continue;
        }
        row.key.prefix_bits = static_cast<std::uint32_t>(FNS_NAME_KEY_BITS(name.size()));
        row.key.policy_id = policy_id;
        row.key.list = list;
        std::ranges::copy(name, row.key.name);
        compiled.rows.push_back(row);
    }
}

}  // namespace

std::optional<std::string> reversed_name(std::string_view glob)
{
    const std::size_t wildcard = std::min(glob.find_first_not_of('*'), glob.size());
    const std::string_view literal = glob.substr(wildcard);
    if (literal.find_first_of("*?") != std::string_view::npos || literal.size() >= FNS_LISTED_NAME_BYTES ||
        glob.empty())
        return std::nullopt;
    std::string reversed(literal.rbegin(), literal.rend());
    std::ranges::transform(reversed, reversed.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (wildcard == 0)
        reversed += '\0';
    return reversed;
}

CompiledNames compile_names(const Policy& policy, std::uint32_t policy_id)
{
    CompiledNames compiled;
    if (policy.egress.init)
        compile_list(*policy.egress.init, FNS_LIST_EGRESS_INIT, policy_id, compiled);
    if (policy.egress.warm)
        compile_list(*policy.egress.warm, FNS_LIST_EGRESS_WARM, policy_id, compiled);
    return compiled;
}

}  // namespace fnshield
