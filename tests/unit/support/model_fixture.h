// SPDX-License-Identifier: Apache-2.0
//
// A model with one policy for all, and the matchers that tests of it share.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "tests/unit/support/events.h"

namespace fnshield::test {

inline constexpr SandboxId kBox = 4711;
inline constexpr SandboxId kOther = 4712;

inline std::vector<EventKind> kinds_of(const std::vector<Event>& events)
{
    std::vector<EventKind> kinds;
    for (const Event& event : events)
        kinds.push_back(event.kind);
    return kinds;
}

class ModelTest : public testing::Test {
protected:
    // Applies one event, and answers the kinds that follow; the events themselves are in `derived`.
    std::vector<EventKind> apply(const Event& event)
    {
        derived = model->apply(event);
        return kinds_of(derived);
    }

    template <typename... Events>
    void apply_all(const Events&... events)
    {
        (apply(events), ...);
    }

    void set_ready(ReadyRule rule)
    {
        auto policy = std::make_shared<Policy>();
        policy->ready = rule;
        policies.otherwise = policy;
        model->refresh_policies();
    }

    void set_limits(Model::Limits limits) { model = std::make_unique<Model>(recogniser, policies, limits); }

    // Made at 1 s, its workload begun at 2 s by process 100.
    void start()
    {
        apply_all(made_event(kBox, 1 * kSecond),
                  exec_event(kBox, 2 * kSecond, process(100), "/usr/bin/python3", FNS_EXEC_FIRST));
    }

    // … and listening on 8080 since 5 s.
    void start_and_listen()
    {
        start();
        apply(listen_event(kBox, 5 * kSecond, process(100), 8080));
    }

    const Sandbox& box(SandboxId id = kBox)
    {
        static const Sandbox kNone;
        const Sandbox* const found = model->sandbox(id);
        EXPECT_NE(found, nullptr) << "sandbox " << id;
        return found != nullptr ? *found : kNone;
    }

    const PhaseBody& phases(std::size_t index = 0)
    {
        static const PhaseBody kNone;
        const PhaseBody* const body = index < derived.size() ? derived[index].as<PhaseBody>() : nullptr;
        EXPECT_NE(body, nullptr);
        return body != nullptr ? *body : kNone;
    }

    PathRecogniser recogniser;
    FixedPolicies policies;
    std::unique_ptr<Model> model = std::make_unique<Model>(recogniser, policies);
    std::vector<Event> derived;
};

}  // namespace fnshield::test
