// SPDX-License-Identifier: Apache-2.0
//
// See compile_names.h. A look-up in the kernel finds the longest row alone, so the ports of a row are added to those of
// every longer row that it begins: *.example on 443 also lists eu.models.example on 443, whatever that row says.
#include "daemon/policy/compile_names.h"

#include <algorithm>
#include <map>

#include "daemon/policy/compile_ports.h"

namespace fnshield {
namespace {

struct NameRow {
    ListedPorts ports;
    std::size_t index = 0;  // of a row that has them
};

using Names = std::map<std::string, NameRow>;  // by reversed name

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
        NameRow& row = names[*reversed];
        row.ports.add(ListedPorts(rule.ports));
        row.index = index;
    }
    return names;
}

ListedPorts with_shorter_rows(const Names& names, const std::string& name)
{
    ListedPorts sum;
    for (const auto& [other, row] : names)
        if (name.starts_with(other))
            sum.add(row.ports);
    return sum;
}

void compile_list(const std::vector<EgressRule>& rules, fns_list list, std::uint32_t policy_id, CompiledNames& compiled)
{
    const Names names = names_of(rules, list, compiled);
    for (const auto& [name, own] : names) {
        const auto ports = with_shorter_rows(names, name).packed();
        if (!ports) {
            compiled.unsupported.push_back({list, own.index,
                                            "one name has more than " + std::to_string(FNS_LISTED_PORTS) +
                                                " ports, with those of the rows around it"});
            continue;
        }
        ListedName row{.ports = *ports};
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
