// SPDX-License-Identifier: Apache-2.0
//
// One table for each map of a policy file. policy_key_tables() hands the same tables to the test that compares them
// with policies/fnshield-policy.schema.json.
#include "daemon/policy/policy_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/model/recognise.h"

namespace fnshield {
namespace {

constexpr std::size_t kPatternBytes = 256;
constexpr Nanoseconds kLongestDuration = 24 * 3600 * kSecond;

constexpr Choice<Severity> kSeverities[] = {
    {"low", Severity::low}, {"medium", Severity::medium}, {"high", Severity::high}, {"critical", Severity::critical}};
constexpr Choice<Action> kActions[] = {{"alert", Action::alert},
                                       {"deny", Action::deny},
                                       {"kill", Action::kill},
                                       {"freeze", Action::freeze},
                                       {"off", Action::off}};
constexpr Choice<OnUnsupported> kOnUnsupported[] = {{"error", OnUnsupported::error}, {"alert", OnUnsupported::alert}};
constexpr Choice<bool> kAllowOrDeny[] = {{"allow", true}, {"deny", false}};

bool is_plain(std::string_view pattern)
{
    return pattern.find_first_of("*?") == std::string_view::npos;
}

std::optional<std::string> pattern(Reader& reader, const YamlNode& node)
{
    auto written = reader.text(node);
    if (written && written->size() > kPatternBytes) {
        reader.error(node.place, fmt::format("{} is longer than {} bytes", node.label(), kPatternBytes));
        return std::nullopt;
    }
    return written;
}

// A glob over absolute paths.
std::optional<std::string> path_pattern(Reader& reader, const YamlNode& node)
{
    auto written = pattern(reader, node);
    if (written && !written->starts_with('/') && !written->starts_with("**")) {
        reader.error(node.place, fmt::format("{} must be an absolute path, or begin with **: '{}' would match nothing",
                                             node.label(), *written));
        return std::nullopt;
    }
    return written;
}

template <typename Item, typename ReadItem>
std::optional<std::vector<Item>> list_of(Reader& reader, const YamlNode& node, ReadItem read_item)
{
    if (!reader.is_list(node))
        return std::nullopt;
    std::vector<Item> list;
    list.reserve(node.items.size());
    for (const YamlNode& item : node.items)
        if (auto read = read_item(reader, item))
            list.push_back(std::move(*read));
    return list;
}

std::optional<std::vector<std::string>> path_patterns(Reader& reader, const YamlNode& node)
{
    return list_of<std::string>(reader, node, path_pattern);
}

template <typename Value, typename Target>
void set(std::optional<Value>&& read, Target& target)
{
    if (read)
        target = std::move(*read);
}

// match

void match_part(Reader& reader, const YamlNode& node, std::string& part)
{
    set(pattern(reader, node), part);
}

void match_platform(Reader& reader, const YamlNode& node, Policy::Match& match)
{
    const auto written = pattern(reader, node);
    if (!written)
        return;
    const std::vector<std::string_view> known = platform_names();
    if (is_plain(*written) && std::ranges::find(known, *written) == known.end()) {
        const auto meant = nearest(*written, known);
        reader.error(node.place,
                     fmt::format("no platform '{}'; {}", *written,
                                 meant ? fmt::format("did you mean '{}'?", *meant) : "known are " + word_list(known)));
        return;
    }
    match.platform = *written;
}

constexpr Field<Policy::Match> kMatchFields[] = {
    {"platform", match_platform},
    {"tenant", [](Reader& r, const YamlNode& n, Policy::Match& to) { match_part(r, n, to.tenant); }},
    {"function", [](Reader& r, const YamlNode& n, Policy::Match& to) { match_part(r, n, to.function); }},
};

// ready

Result<ReadyRule> parse_ready(std::string_view text)
{
    if (text == "listen")
        return ReadyRule{};
    if (text == "first_response")
        return ReadyRule{.kind = ReadyRule::Kind::first_response};
    if (text.starts_with("listen:")) {
        const auto port = parse_number(text.substr(7), 1, 65535);
        if (!port)
            return fail("has a port that " + port.error().message);
        return ReadyRule{.kind = ReadyRule::Kind::listen, .port = static_cast<std::uint16_t>(*port)};
    }
    if (text.starts_with("connect:")) {
        auto address = parse_address_port(text.substr(8));
        if (!address)
            return fail("has an address that " + address.error().message);
        return ReadyRule{.kind = ReadyRule::Kind::connect, .address = *address};
    }
    return fail(fmt::format("must be listen, listen:PORT, first_response or connect:ADDR:PORT, not '{}'", text));
}

// cold_start

constexpr Field<Policy::ColdStart> kStormFields[] = {
    {"count",
     [](Reader& r, const YamlNode& n, Policy::ColdStart& to) { set(r.number(n, 1, 1'000'000), to.storm_count); }},
    {"window",
     [](Reader& r, const YamlNode& n, Policy::ColdStart& to) {
         set(r.duration(n, 100 * kMillisecond, 3600 * kSecond), to.storm_window_ns);
     }},
};

constexpr Field<Policy::ColdStart> kColdStartFields[] = {
    {"budget", [](Reader& r, const YamlNode& n,
                  Policy::ColdStart& to) { set(r.duration(n, kMillisecond, kLongestDuration), to.budget_ns); }},
    {"storm", [](Reader& r, const YamlNode& n, Policy::ColdStart& to) { r.map(n, kStormFields, to); }},
};

// exec

constexpr Field<Policy::Exec> kExecFields[] = {
    {"init", [](Reader& r, const YamlNode& n, Policy::Exec& to) { set(path_patterns(r, n), to.init); }},
    {"warm", [](Reader& r, const YamlNode& n, Policy::Exec& to) { set(path_patterns(r, n), to.warm); }},
};

// egress

std::optional<std::string> dns_pattern(Reader& reader, const YamlNode& node)
{
    auto written = pattern(reader, node);
    if (!written)
        return std::nullopt;
    std::ranges::transform(*written, written->begin(),
                           [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    if (written->size() > 1 && written->ends_with('.'))
        written->pop_back();
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-_.*?";
    if (written->find_first_not_of(kAllowed) != std::string::npos) {
        reader.error(node.place,
                     fmt::format("{} must be a domain name, perhaps with *, not '{}'", node.label(), *written));
        return std::nullopt;
    }
    return written;
}

std::optional<std::uint16_t> port(Reader& reader, const YamlNode& node)
{
    return reader.number(node, 1, 65535);
}

std::optional<Cidr> cidr(Reader& reader, const YamlNode& node)
{
    return reader.value(node, parse_cidr);
}

void egress_ports(Reader& reader, const YamlNode& node, EgressRule& rule)
{
    auto ports = list_of<std::uint16_t>(reader, node, port);
    if (ports && node.items.empty())
        reader.error(node.place, "'ports' must not be empty; leave the key out for all ports");
    set(std::move(ports), rule.ports);
}

constexpr Field<EgressRule> kEgressRuleFields[] = {
    {"dns", [](Reader& r, const YamlNode& n, EgressRule& to) { set(dns_pattern(r, n), to.dns); }},
    {"cidr", [](Reader& r, const YamlNode& n, EgressRule& to) { to.cidr = cidr(r, n); }},
    {"ports", egress_ports},
};

std::optional<EgressRule> egress_rule(Reader& reader, const YamlNode& node)
{
    if (node.kind != YamlNode::Kind::map) {
        reader.error(node.place,
                     fmt::format("{} must be a map with 'dns' or 'cidr', not {}", node.label(), kind_name(node.kind)));
        return std::nullopt;
    }
    EgressRule rule;
    reader.map(node, kEgressRuleFields, rule);
    if ((node.find("dns") == nullptr) == (node.find("cidr") == nullptr)) {
        reader.error(node.place, fmt::format("{} must have one of 'dns' and 'cidr'", node.label()));
        return std::nullopt;
    }
    return rule;
}

std::optional<std::vector<EgressRule>> egress_rules(Reader& reader, const YamlNode& node)
{
    return list_of<EgressRule>(reader, node, egress_rule);
}

constexpr Field<PolicyDraft> kEgressFields[] = {
    {"init", [](Reader& r, const YamlNode& n, PolicyDraft& to) { set(egress_rules(r, n), to.policy.egress.init); }},
    {"warm", [](Reader& r, const YamlNode& n, PolicyDraft& to) { set(egress_rules(r, n), to.policy.egress.warm); }},
    {"metadata_service",
     [](Reader& r, const YamlNode& n, PolicyDraft& to) {
         set(r.choice(n, kAllowOrDeny), to.policy.egress.metadata_service_allowed);
     }},
    {"resolvers",
     [](Reader& r, const YamlNode& n, PolicyDraft& to) {
         set(list_of<Cidr>(r, n, cidr), to.policy.egress.resolvers);
         to.has_resolvers = true;
     }},
};

// files, memory

constexpr Field<Policy::Files> kFilesFields[] = {
    {"models", [](Reader& r, const YamlNode& n, Policy::Files& to) { set(path_patterns(r, n), to.models); }},
    {"secrets", [](Reader& r, const YamlNode& n, Policy::Files& to) { set(path_patterns(r, n), to.secrets); }},
    {"code", [](Reader& r, const YamlNode& n, Policy::Files& to) { set(path_patterns(r, n), to.code); }},
    {"executables", [](Reader& r, const YamlNode& n, Policy::Files& to) { set(path_patterns(r, n), to.executables); }},
};

constexpr Field<Policy::Memory> kMemoryFields[] = {
    {"allow_from",
     [](Reader& r, const YamlNode& n, Policy::Memory& to) { set(list_of<std::string>(r, n, pattern), to.allow_from); }},
};

// rules

constexpr Field<RuleSetting> kRuleFields[] = {
    {"action", [](Reader& r, const YamlNode& n, RuleSetting& to) { set(r.choice(n, kActions), to.action); }},
    {"severity", [](Reader& r, const YamlNode& n, RuleSetting& to) { set(r.choice(n, kSeverities), to.severity); }},
    {"on_unsupported",
     [](Reader& r, const YamlNode& n, RuleSetting& to) { set(r.choice(n, kOnUnsupported), to.on_unsupported); }},
};

void read_rules(Reader& reader, const YamlNode& node, PolicyDraft& draft)
{
    if (!reader.is_map(node))
        return;
    for (const YamlNode& item : node.items) {
        if (!draft.options->is_known_rule(item.key)) {
            const auto meant = nearest(item.key, draft.options->rule_names);
            reader.error(item.key_place, fmt::format("unknown rule '{}'{}", item.key,
                                                     meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
            continue;
        }
        reader.map(item, kRuleFields, draft.policy.rules[item.key]);
    }
}

void already_read(Reader&, const YamlNode&, PolicyDraft&) {}

constexpr Field<PolicyDraft> kPolicyFields[] = {
    {"version", already_read},
    {"name", already_read},
    {"match",
     [](Reader& r, const YamlNode& n, PolicyDraft& to) {
         to.has_match = true;
         r.map(n, kMatchFields, to.policy.match);
     }},
    {"extends", already_read},
    {"ready", [](Reader& r, const YamlNode& n, PolicyDraft& to) { set(r.value(n, parse_ready), to.policy.ready); }},
    {"cold_start",
     [](Reader& r, const YamlNode& n, PolicyDraft& to) { r.map(n, kColdStartFields, to.policy.cold_start); }},
    {"exec", [](Reader& r, const YamlNode& n, PolicyDraft& to) { r.map(n, kExecFields, to.policy.exec); }},
    {"egress", [](Reader& r, const YamlNode& n, PolicyDraft& to) { r.map(n, kEgressFields, to); }},
    {"files", [](Reader& r, const YamlNode& n, PolicyDraft& to) { r.map(n, kFilesFields, to.policy.files); }},
    {"memory", [](Reader& r, const YamlNode& n, PolicyDraft& to) { r.map(n, kMemoryFields, to.policy.memory); }},
    {"rules", read_rules},
};

}  // namespace

void read_policy_fields(Reader& reader, const YamlNode& root, PolicyDraft& draft)
{
    reader.map(root, kPolicyFields, draft);
}

std::optional<std::string> read_policy_name(Reader& reader, const YamlNode& node)
{
    return reader.value(node, [](std::string_view name) -> Result<std::string> {
        constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
        if (name.size() > 63 || name.find_first_not_of(kAllowed) != std::string_view::npos)
            return fail(
                fmt::format("must be at most 63 letters, digits, '.', '_' or '-', not '{}'", name.substr(0, 80)));
        return std::string(name);
    });
}

std::vector<KeyTable> policy_key_tables()
{
    return {key_table("", kPolicyFields),
            key_table("match", kMatchFields),
            key_table("cold_start", kColdStartFields),
            key_table("cold_start.storm", kStormFields),
            key_table("exec", kExecFields),
            key_table("egress", kEgressFields),
            key_table("egress.init[]", kEgressRuleFields),
            key_table("egress.warm[]", kEgressRuleFields),
            key_table("files", kFilesFields),
            key_table("memory", kMemoryFields),
            key_table("rules.*", kRuleFields)};
}

}  // namespace fnshield
