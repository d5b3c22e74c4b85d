// SPDX-License-Identifier: Apache-2.0
//
// Feeds a stream of events through the model and one detector, as the daemon does, so that a test says what happened
// and not how an observation is put together.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "daemon/detect/detectors.h"
#include "daemon/detect/engine.h"
#include "tests/unit/support/model_fixture.h"

namespace fnshield::test {

inline Cidr cidr(const std::string& address, std::uint8_t bits)
{
    return {.base = endpoint(address), .prefix_bits = bits};
}

class DetectorTest : public ModelTest {
protected:
    explicit DetectorTest(std::unique_ptr<Detector> detector) : engine_(as_list(std::move(detector)), policy_) {}

    // What the detector finds in one event and in those that follow from it.
    std::vector<Detection> feed(const Event& event)
    {
        derived = model->apply(event);
        std::vector<Detection> found = engine_.on_event(event, *model);
        for (const Event& following : derived)
            for (Detection& detection : engine_.on_event(following, *model))
                found.push_back(std::move(detection));
        return found;
    }

    std::vector<Detection> feed_all(const std::vector<Event>& stream)
    {
        std::vector<Detection> found;
        for (const Event& event : stream)
            for (Detection& detection : feed(event))
                found.push_back(std::move(detection));
        return found;
    }

    // The sandbox's policy from now on; function "" = all that have none of their own.
    void use_policy(Policy policy, const std::string& function = {})
    {
        auto shared = std::make_shared<const Policy>(std::move(policy));
        if (function.empty())
            policies.otherwise = shared;
        else
            policies.by_function[function] = shared;
        model->refresh_policies();
    }

    // resize/i-1 is kBox (process 100), starting since 2 s; resnet/i-4 is kOther (process 200), warm since 5 s.
    void start_two()
    {
        feed_all({made_event(kBox, 1 * kSecond, "/fn/acme/resize/i-1"),
                  exec_event(kBox, 2 * kSecond, process(100), "/usr/bin/python3", FNS_EXEC_FIRST),
                  made_event(kOther, 1 * kSecond, "/fn/acme/resnet/i-4"),
                  exec_event(kOther, 2 * kSecond, process(200), "/usr/bin/node", FNS_EXEC_FIRST),
                  listen_event(kOther, 5 * kSecond, process(200), 8080)});
    }

    // kBox alone, starting since 2 s.
    void start()
    {
        feed_all({made_event(kBox, 1 * kSecond),
                  exec_event(kBox, 2 * kSecond, process(100), "/usr/bin/python3", FNS_EXEC_FIRST)});
    }

    void make_ready(SandboxId id = kBox, std::uint32_t tgid = 100)
    {
        feed(listen_event(id, 5 * kSecond, process(tgid), 8080));
    }

    [[nodiscard]] std::size_t entries() const
    {
        std::size_t sum = 0;
        for (const TableStats& table : engine_.tables())
            sum += table.entries;
        return sum;
    }

    // What the function does not do itself is no finding: an entrant's act, the set-up's, the host's.
    void expect_quiet_for_others(Event event)
    {
        Event entrant = event;
        entrant.flags |= FNS_FLAG_ENTRANT;
        EXPECT_THAT(feed(entrant), ::testing::IsEmpty()) << "an entrant's";
        Event setup = event;
        setup.flags |= FNS_FLAG_SETUP;
        EXPECT_THAT(feed(setup), ::testing::IsEmpty()) << "of the set-up";
        event.sandbox = kHost;
        EXPECT_THAT(feed(event), ::testing::IsEmpty()) << "the host's";
    }

    DetectorEngine& engine() { return engine_; }

private:
    static std::vector<std::unique_ptr<Detector>> as_list(std::unique_ptr<Detector> detector)
    {
        std::vector<std::unique_ptr<Detector>> list;
        list.push_back(std::move(detector));
        return list;
    }

    std::shared_ptr<const Policy> policy_ = std::make_shared<Policy>();
    DetectorEngine engine_;
};

}  // namespace fnshield::test
