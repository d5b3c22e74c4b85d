// SPDX-License-Identifier: Apache-2.0
//
// What a detector is. Pure: events in, findings out; time is the event's. No file, clock, socket or libbpf here, so
// that the same detector runs live, in a unit test and over a recording with the same findings.
//
// Adding one: a file in this folder with its descriptor and class, its test in tests/unit/detect/, one row in
// registry.cpp, one row in the rule table of the documentation.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/model/model.h"
#include "daemon/policy/policy.h"

namespace fnshield {

enum class Category : std::uint8_t { function, model, infrastructure, supply_chain, identity, health };

[[nodiscard]] std::string_view category_name(Category category);  // "supply-chain"

struct RuleDescriptor {
    std::string_view rule;  // "isolation.memory_read"
    Category category;
    Severity severity;                             // unless the policy says otherwise
    std::span<const std::string_view> techniques;  // MITRE ATT&CK ids
    std::string_view short_text;                   // one line, for lists
    std::string_view long_text;                    // what it means and what to do, for `fnshield show`
    std::span<const EventKind> kinds;              // events that on_event wants; no others are given
    // More specific rules: where one of them has a finding of the same event about the same sandbox, and is not off,
    // this one's is not told. One act gives one alert.
    std::span<const std::string_view> yields_to = {};
};

// What a detector sees of one event. Pointers are valid during on_event only and may be null where the model does not
// know (yet or any more); policy is never null.
struct Observation {
    const Event& event;
    const Sandbox* sandbox = nullptr;         // the actor's; null = the host
    const Process* process = nullptr;         // the actor
    const Sandbox* target_sandbox = nullptr;  // of events that have a target_of()
    const Process* target_process = nullptr;
    const Policy* policy = nullptr;  // the actor's sandbox's; for the host, or where the rule guards the target, see
                                     // target_policy()
    const Model& model;

    // Not the function's own act: an entrant's, or of the set-up.
    [[nodiscard]] bool by_runtime() const { return event.has(FNS_FLAG_ENTRANT) || event.has(FNS_FLAG_SETUP); }
    [[nodiscard]] const Policy& target_policy() const { return target_sandbox ? *target_sandbox->policy : *policy; }
};

// What the act was aimed at, where that is not a process.
struct TargetDetail {
    std::string file;
    std::string address;
    std::uint16_t port = 0;
    std::string name;
};

struct Finding {
    std::string summary;  // who did what to whom: "resize/i-1 read memory of warm sandbox resnet/i-4 (…)"
    std::string key;      // findings of one rule and sandbox with the same key are the same finding again
    TargetDetail target;  // the target process and sandbox come from the observation
    std::vector<Event> earlier_evidence;      // events before this one that belong to it, oldest first; few
    std::optional<SandboxId> target_sandbox;  // where the event does not name it itself: who owns an address
    std::optional<SandboxId> about;           // the sandbox that it is about, where it is not the event's actor
    bool on_behalf_of_target = false;         // the target's policy decides action and severity (memory.*)
    std::optional<Severity> severity;         // where this one is less, or more, than its rule says
};

class Detector {
public:
    virtual ~Detector() = default;
    [[nodiscard]] virtual const RuleDescriptor& descriptor() const = 0;
    // One event of a wanted kind. At most one finding for one event; but a tick is given again until there is no
    // finding (engine.h), for one second can make many sandboxes late.
    [[nodiscard]] virtual std::optional<Finding> on_event(const Observation& seen) = 0;
    // The sandbox is gone: forget all about it.
    virtual void on_sandbox_gone(SandboxId) {}
    // Bounded state, for fnshield_table_*; nothing where the detector keeps none.
    [[nodiscard]] virtual std::vector<TableStats> tables() const { return {}; }
};

// All detectors, in the order of the rule table (detect/registry.cpp).
[[nodiscard]] std::vector<std::unique_ptr<Detector>> make_detectors();
// Every rule name that a policy may use.
[[nodiscard]] bool is_known_rule(std::string_view rule);
[[nodiscard]] std::vector<std::string_view> known_rules();

}  // namespace fnshield
