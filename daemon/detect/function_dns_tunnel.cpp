// SPDX-License-Identifier: Apache-2.0
//
// function.dns_tunnel (T1048.003, T1071.004): data leaves in the names that a sandbox asks for.
//
// Signal: within a minute, questions for 12 different names under one registered domain that each hold a label of 20
// bytes or more that looks like an encoding (its letters are spread like random ones, or digits are among them), or
// names of 3000 different bytes together. Why it works: a tunnel has to put its data into labels and cannot ask for a
// name twice; real names are words, and are asked for again. False positives: search lists ask for one name with many
// endings, under the cluster's domain, which is left out as in-addr.arpa, ip6.arpa and local domains are; labels of
// services (_http._tcp) do not count; content networks have few such names. Gets past it: one name every five seconds,
// and words as an encoding below that rate. Memory: BoundedTable of sandboxes, 8 domains each with 64 hashes.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 60 * kSecond;
constexpr std::size_t kManyNames = 12;
constexpr std::size_t kManyBytes = 3000;
constexpr std::size_t kLongLabel = 20;
constexpr double kManyBits = 3.3;  // of entropy a byte: words of 20 letters have less, base32 and hex have more
constexpr std::size_t kDomains = 8;
constexpr std::size_t kNames = 64;
constexpr std::size_t kSandboxes = 4096;

constexpr std::array<std::string_view, 2> kTechniques{"T1048.003", "T1071.004"};
constexpr std::array kKinds{EventKind::dns};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.dns_tunnel",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "Questions for names that look like data went out in a burst",
    .long_text =
        "Names under one domain were asked for that look like encoded data: DNS passes most filters, and whoever holds "
        "the "
        "domain reads it. Block the domain at the resolver, freeze the sandbox, and estimate from its timeline how "
        "much "
        "left: each name holds up to some 200 bytes.",
    .kinds = kKinds,
};

constexpr auto kLocal =
    std::to_array<std::string_view>({"arpa", "cluster.local", "internal", "lan", "local", "localdomain", "svc"});
// Where names are registered one level below.
constexpr auto kSecondLevel = std::to_array<std::string_view>({"ac", "co", "com", "edu", "gov", "net", "org"});

bool is_local(std::string_view name)
{
    return std::ranges::any_of(kLocal, [&](std::string_view domain) {
        return name == domain || (name.ends_with(domain) && name[name.size() - domain.size() - 1] == '.');
    });
}

// "example.co.uk" of "a.b.example.co.uk"; the name itself where it has no more.
std::string_view registered_domain(std::string_view name)
{
    std::size_t from = name.rfind('.');
    if (from == std::string_view::npos || from == 0)
        return name;
    const bool country = name.size() - from - 1 == 2;
    std::size_t before = name.rfind('.', from - 1);
    if (before != std::string_view::npos && before > 0 && country &&
        std::ranges::find(kSecondLevel, name.substr(before + 1, from - before - 1)) != kSecondLevel.end())
        before = name.rfind('.', before - 1);
    return before == std::string_view::npos ? name : name.substr(before + 1);
}

double bits_a_byte(std::string_view label)
{
    std::array<std::uint8_t, 256> counts{};
    for (const char c : label)
        ++counts[static_cast<unsigned char>(c)];
    double bits = 0;
    for (const std::uint8_t count : counts) {
        if (count == 0)
            continue;
        const double share = static_cast<double>(count) / static_cast<double>(label.size());
        bits -= share * std::log2(share);
    }
    return bits;
}

bool looks_encoded(std::string_view label)
{
    return label.size() >= kLongLabel && !label.starts_with('_') && bits_a_byte(label) >= kManyBits;
}

// The labels below the registered domain.
bool holds_encoded_label(std::string_view below)
{
    while (!below.empty()) {
        const std::size_t end = below.find('.');
        if (looks_encoded(below.substr(0, end)))
            return true;
        below.remove_prefix(end == std::string_view::npos ? below.size() : end + 1);
    }
    return false;
}

struct Domain {
    std::size_t hash = 0;
    Nanoseconds began_ns = 0;
    std::vector<std::size_t> names;  // hashes of those that were asked for, at most kNames
    std::size_t encoded = 0;         // of them look so
    std::size_t bytes = 0;           // below the domain, of all
};

class DnsTunnel : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* question = seen.event.as<DnsBody>();
        if (!question || seen.event.sandbox == kHost || seen.by_runtime() || is_local(question->name))
            return std::nullopt;
        const std::string_view registered = registered_domain(question->name);
        if (registered.size() == question->name.size())
            return std::nullopt;
        const std::string_view below =
            std::string_view(question->name).substr(0, question->name.size() - registered.size() - 1);
        Domain& domain = domain_of(seen, registered);
        if (!is_new(domain, question->name))
            return std::nullopt;
        domain.encoded += holds_encoded_label(below) ? 1 : 0;
        domain.bytes += below.size();
        if (domain.encoded < kManyNames && domain.bytes < kManyBytes)
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + " asked for " + std::to_string(domain.names.size()) + " names under " +
                          printable(registered) + " within " + seconds_text(seen.event.time_ns - domain.began_ns) +
                          " that look like data, the last " + printable(question->name.substr(0, 80)) + " (" +
                          program_of(seen) + ")";
        finding.key = registered;
        finding.target.name = registered;
        domain = {.hash = domain.hash, .began_ns = seen.event.time_ns};
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { sandboxes_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {sandboxes_.stats()}; }

private:
    // With a window that has not ended; the domain that began first makes room.
    Domain& domain_of(const Observation& seen, std::string_view registered)
    {
        const Nanoseconds now = seen.event.time_ns;
        const std::size_t hash = std::hash<std::string_view>{}(registered);
        std::vector<Domain>& domains = sandboxes_.get(seen.event.sandbox);
        std::erase_if(domains, [now](const Domain& domain) { return domain.began_ns + kWindow < now; });
        const auto found = std::ranges::find(domains, hash, &Domain::hash);
        if (found != domains.end())
            return *found;
        if (domains.size() >= kDomains)
            domains.erase(std::ranges::min_element(domains, {}, &Domain::began_ns));
        return domains.emplace_back(Domain{.hash = hash, .began_ns = now});
    }

    static bool is_new(Domain& domain, std::string_view name)
    {
        const std::size_t hash = std::hash<std::string_view>{}(name);
        if (std::ranges::find(domain.names, hash) != domain.names.end())
            return false;
        if (domain.names.size() >= kNames)
            domain.names.erase(domain.names.begin());
        domain.names.push_back(hash);
        return true;
    }

    BoundedTable<SandboxId, std::vector<Domain>> sandboxes_{"function_dns_tunnel_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_function_dns_tunnel()
{
    return std::make_unique<DnsTunnel>();
}

}  // namespace fnshield::detect
