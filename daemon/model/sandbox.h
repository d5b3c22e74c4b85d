// SPDX-License-Identifier: Apache-2.0
//
// A sandbox and its processes as the model knows them. Plain data; model.h owns and changes it.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/model/event.h"

namespace fnshield {

struct Policy;

enum class SandboxState : std::uint8_t { created, starting, ready, serving, frozen, gone, count_ };

[[nodiscard]] std::string_view sandbox_state_name(SandboxState state);

// Who a sandbox is, as far as its cgroup path and the runtime's files tell. Never gates a detection.
struct SandboxName {
    std::string platform;  // kubernetes, docker, containerd, crio, podman, firecracker, template
    std::string tenant;
    std::string function;
    std::string instance;

    // "resize/i-1"; the parts that are known
    [[nodiscard]] std::string display() const;
    bool operator==(const SandboxName&) const = default;
};

struct Sandbox {
    SandboxId id = kHost;
    std::string cgroup;  // path in the default hierarchy
    SandboxName name;
    SandboxState state = SandboxState::created;
    SandboxState before_freeze = SandboxState::created;
    bool adopted = false;  // found running: its cold start was not seen
    Nanoseconds created_ns = 0;
    std::optional<Nanoseconds> started_ns;
    std::optional<Nanoseconds> ready_ns;
    std::optional<Nanoseconds> first_request_ns;
    std::optional<Nanoseconds> frozen_ns;   // since when, while frozen
    std::optional<Nanoseconds> thawed_ns;   // last time
    std::optional<Nanoseconds> request_ns;  // when the last invocation began
    std::optional<Nanoseconds> gone_ns;
    PhaseBody cold_start;
    std::uint64_t invocation = 0;  // connections accepted on listening ports
    std::uint64_t alerts = 0;
    std::uint64_t events = 0;
    std::uint64_t lost_events = 0;
    std::uint32_t root_tgid = 0;  // of the workload's first exec
    Nanoseconds root_start_ns = 0;
    std::optional<ExitBody> root_exit;     // how that process ended
    std::set<std::uint16_t> listening;     // TCP ports, host order; bounded by the model
    std::shared_ptr<const Policy> policy;  // effective; never null

    // True from the workload's first exec until ready.
    [[nodiscard]] bool in_init() const { return state == SandboxState::starting; }
    // True after ready, frozen or not. An adopted sandbox is: ready_ns is then when it was found.
    [[nodiscard]] bool warm() const { return ready_ns.has_value(); }
    // True from a thaw until the next invocation begins.
    [[nodiscard]] bool thawed_without_request() const
    {
        return thawed_ns.has_value() && (!request_ns || *request_ns < *thawed_ns);
    }
};

// A command line, shared by all processes that were forked with it: a fork storm under a long one costs no copies.
class Argv {
public:
    using value_type = std::string;
    using const_iterator = std::vector<std::string>::const_iterator;
    using iterator = const_iterator;

    Argv() = default;
    Argv(std::vector<std::string> words)
        : words_(words.empty() ? nullptr : std::make_shared<const std::vector<std::string>>(std::move(words)))
    {
    }
    Argv(std::initializer_list<std::string> words) : Argv(std::vector<std::string>(words)) {}

    [[nodiscard]] const std::vector<std::string>& words() const
    {
        static const std::vector<std::string> kNone;
        return words_ ? *words_ : kNone;
    }
    operator const std::vector<std::string>&() const { return words(); }
    [[nodiscard]] const_iterator begin() const { return words().begin(); }
    [[nodiscard]] const_iterator end() const { return words().end(); }
    [[nodiscard]] std::size_t size() const { return words().size(); }
    [[nodiscard]] bool empty() const { return words().empty(); }
    [[nodiscard]] const std::string& operator[](std::size_t index) const { return words()[index]; }
    bool operator==(const Argv& other) const { return words() == other.words(); }

private:
    std::shared_ptr<const std::vector<std::string>> words_;
};

struct Process {
    ProcessInfo info;
    SandboxId sandbox = kHost;
    std::string exe;  // path, in its own mount namespace
    Argv argv;
    std::uint32_t exec_flags = 0;  // enum fns_exec_flag of its last exec
    bool entrant = false;          // put in from outside, has not run its own program yet
    bool from_outside = false;     // runc exec and the like, or a child of one
    bool exited = false;           // kept for late events and for its children's ancestry
    // With info.parent_tgid names the parent for certain; 0 = unknown. The parent is who forked it: neither
    // CLONE_PARENT nor the parent's exit changes it.
    Nanoseconds parent_start_ns = 0;
};

}  // namespace fnshield
