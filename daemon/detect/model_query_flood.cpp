// SPDX-License-Identifier: Apache-2.0
//
// model.query_flood (AML.T0024): one peer asks a function far more than it was ever asked.
//
// Signal: in a sandbox, within ten seconds, 500 connections or more of one peer, ten times as many as in the busiest
// ten seconds before (of thirty such at least), and nine of ten of all. Why it works: copying a model by its answers
// takes a great many questions in a short time. False positives: load within what was seen before; probes are few.
// Weak: a gateway hides who asks, then all are one peer, and what is left is the rate; connections that are kept open
// carry many questions and count as one; connections that come within 10 ms are told with the next one's peer. So it is
// off until a policy turns it on. Gets past it: patience, many peers, keep-alive. Memory: BoundedTable of sandboxes.
#include <algorithm>
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 10 * kSecond;
constexpr std::uint64_t kMany = 500;
constexpr std::uint64_t kTimes = 10;
constexpr std::uint32_t kLearnt = 30;
constexpr std::size_t kSandboxes = 16384;

constexpr std::array<std::string_view, 1> kTechniques{"AML.T0024"};
constexpr std::array kKinds{EventKind::accept};

constexpr RuleDescriptor kDescriptor{
    .rule = "model.query_flood",
    .category = Category::model,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "One peer opened connections to a function far faster than ever before",
    .long_text =
        "Somebody asks this function at a rate that it never saw. That may be a success, a broken client, or someone "
        "who "
        "copies the model by its answers. The kernel sees connections, not questions, and a gateway hides who asks: "
        "look "
        "at the gateway's log for the caller, and give callers a quota.",
    .kinds = kKinds,
};

struct Rate {
    Nanoseconds began_ns = 0;
    std::uint64_t all = 0;    // in the window at hand
    std::uint64_t peers = 0;  // of them, the peer's below
    Endpoint peer;            // the window's most frequent one, as far as a single pass can tell
    std::uint64_t busiest = 0;
    std::uint32_t windows = 0;
    bool told = false;
};

class QueryFlood : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !seen.sandbox || !seen.sandbox->warm())
            return std::nullopt;
        Rate& rate = rates_.get(seen.event.sandbox);
        if (seen.event.time_ns >= rate.began_ns + kWindow)
            begin(rate, seen.event.time_ns);
        count(rate, *socket, 1ULL + seen.event.repeats);
        const bool flood = rate.all >= std::max(kMany, rate.busiest * kTimes) && rate.peers * 10 >= rate.all * 9;
        if (rate.told || rate.windows < kLearnt || !flood)
            return std::nullopt;
        rate.told = true;
        Finding finding;
        finding.summary = actor_label(seen) + " got " + std::to_string(rate.all) + " connections within " +
                          seconds_text(seen.event.time_ns - rate.began_ns) + ", most of them from " +
                          rate.peer.address_text() + "; its most in 10 s was " + std::to_string(rate.busiest);
        finding.key = rate.peer.address_text();
        finding.target.address = rate.peer.address_text();
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { rates_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {rates_.stats()}; }

private:
    // A flood does not become what is normal.
    static void begin(Rate& rate, Nanoseconds now)
    {
        if (!rate.told)
            rate.busiest = std::max(rate.busiest, rate.all);
        rate = {.began_ns = now, .busiest = rate.busiest, .windows = rate.windows + 1};
    }

    static void count(Rate& rate, const SocketBody& socket, std::uint64_t connections)
    {
        rate.all += connections;
        const bool same = rate.peer.family == socket.remote.family && rate.peer.address == socket.remote.address;
        if (same)
            rate.peers += connections;
        else if (rate.peers * 2 < rate.all) {
            rate.peer = socket.remote;
            rate.peers = connections;
        }
    }

    BoundedTable<SandboxId, Rate> rates_{"model_query_flood_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_model_query_flood()
{
    return std::make_unique<QueryFlood>();
}

}  // namespace fnshield::detect
