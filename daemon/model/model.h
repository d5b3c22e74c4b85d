// SPDX-License-Identifier: Apache-2.0
//
// The model of the node: every live sandbox with its state and phases, and the processes in them with their ancestry.
//
// apply() takes one event and answers the events that follow from it (a listen may make a sandbox ready). It is pure
// but for its own tables: no file, clock or socket, so that a recording gives the same model as the live node did.
// Bounded: `limits` caps each table. The oldest gone entry goes first, then the sandbox that was longest without an
// event, or the oldest process of a sandbox that has more than its share; evictions are counted, and a sandbox that is
// evicted alive makes a sandbox_gone as well, so that all who keep state of it let go.
// Not thread-safe; the daemon's loop owns it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "daemon/model/event.h"
#include "daemon/model/sandbox.h"

namespace fnshield {

// Names a sandbox from its cgroup path; model/recognise.h has the implementation over the configuration.
class Recogniser {
public:
    virtual ~Recogniser() = default;
    [[nodiscard]] virtual SandboxName recognise(std::string_view cgroup_path) const = 0;
};

// The effective policy of a sandbox; policy/policy_set.h has the implementation. Never null.
class PolicySource {
public:
    virtual ~PolicySource() = default;
    [[nodiscard]] virtual std::shared_ptr<const Policy> policy_for(const SandboxName& name) const = 0;
};

struct TableStats {
    std::string_view table;
    std::size_t entries = 0;
    std::size_t capacity = 0;
    std::uint64_t evictions = 0;
};

class Model {
public:
    struct Limits {
        std::size_t sandboxes = 16384;
        std::size_t processes = 65536;
        std::size_t ports_per_sandbox = 64;
        Nanoseconds keep_gone_ns = 30 * kSecond;   // late events and queries still find a sandbox for this long
        Nanoseconds keep_exited_ns = 5 * kSecond;  // … a process; longer while children of it are known
    };

    Model(const Recogniser& recogniser, const PolicySource& policies, Limits limits);
    Model(const Recogniser& recogniser, const PolicySource& policies) : Model(recogniser, policies, Limits{}) {}
    ~Model();

    // Applies one event; the answer's events have no seq yet and are not to be applied again.
    [[nodiscard]] std::vector<Event> apply(const Event& event);

    [[nodiscard]] const Sandbox* sandbox(SandboxId id) const;  // null where unknown; valid until the next apply()
    [[nodiscard]] const Process* process(std::uint32_t tgid, Nanoseconds start_ns) const;  // the same
    // The process itself first, then its ancestors as far as they are known, nearest first; at most `depth` in all.
    [[nodiscard]] std::vector<const Process*> ancestors(const Process& process, std::size_t depth = 16) const;
    void for_each_sandbox(const std::function<void(const Sandbox&)>& visit) const;
    [[nodiscard]] std::vector<TableStats> tables() const;

    void count_alert(SandboxId id);
    // After a reload: looks every sandbox's policy up again.
    void refresh_policies();
    // A name learnt later (the OCI bundle's config.json).
    void rename(SandboxId id, SandboxName name);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace fnshield
