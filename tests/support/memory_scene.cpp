// SPDX-License-Identifier: Apache-2.0
#include "tests/support/memory_scene.h"

#include <gtest/gtest.h>

namespace fnshield::testing {

Result<std::unique_ptr<MemoryScene>> MemoryScene::make(SensorHarness::Options options)
{
    std::unique_ptr<MemoryScene> scene(new MemoryScene);
    options.sensors = {FNS_SENSOR_MEMORY};
    auto harness = SensorHarness::make(options);
    if (!harness)
        return pass(std::move(harness));
    scene->harness_ = std::move(*harness);
    for (auto [place, name] : {std::pair(&scene->attacker_, "attacker"), std::pair(&scene->victims_, "victim")}) {
        auto sandbox = CgroupSandbox::make_for_test(name);
        if (!sandbox)
            return pass(std::move(sandbox));
        place->emplace(std::move(*sandbox));
        if (auto added = scene->harness_->add_sandbox(**place); !added)
            return pass(std::move(added));
    }
    return scene;
}

Result<Victim> MemoryScene::start_victim(const CgroupSandbox* where, SpawnOptions options)
{
    auto child = where != nullptr ? where->spawn({trigger(), "hold"}, std::move(options))
                                  : Child::spawn({trigger(), "hold"}, options);
    if (!child)
        return pass(std::move(child));
    Victim victim{std::move(*child), {}};
    for (;;) {
        auto line = victim.process.read_line();
        if (!line)
            return pass(std::move(line), "the victim never was ready");
        if (*line == "ready")
            return victim;
        if (const auto equals = line->find('='); equals != std::string::npos)
            victim.said[line->substr(0, equals)] = line->substr(equals + 1);
    }
}

std::string Victim::fill_in(std::string text) const
{
    for (const auto& [word, value] : said)
        if (const auto at = text.find('{' + word + '}'); at != std::string::npos)
            text.replace(at, word.size() + 2, value);
    return text;
}

Result<std::string> MemoryScene::act(const CgroupSandbox* where, const std::vector<std::string>& words,
                                     SpawnOptions options)
{
    std::vector<std::string> argv = {trigger()};
    argv.insert(argv.end(), words.begin(), words.end());
    auto finished = where != nullptr ? where->run(argv, std::move(options)) : run(argv, options);
    if (!finished)
        return pass(std::move(finished));
    if (finished->exit_code != 0)
        return fail("trigger " + words.front() + " ended with " + std::to_string(finished->exit_code) + ": " +
                    finished->output);
    return finished->output;
}

Result<std::string> MemoryScene::act(const CgroupSandbox* where, const std::string& name, const Victim& victim,
                                     const std::vector<std::string>& more)
{
    std::vector<std::string> words = {name, std::to_string(victim.process.pid()), victim.said.at("address")};
    for (const std::string& word : more)
        words.push_back(victim.fill_in(word));
    return act(where, words);
}

std::vector<Event> MemoryScene::seen()
{
    const auto settled = harness_->settle();
    EXPECT_TRUE(settled) << settled.error().message;
    EXPECT_TRUE(harness_->decode_errors().empty()) << harness_->decode_errors().front();
    return harness_->matching([](const Event& event) { return event.as<MemoryBody>() != nullptr; });
}

std::string describe(const std::vector<Event>& events)
{
    std::string text;
    for (const Event& event : events) {
        const auto& body = *event.as<MemoryBody>();
        text += std::string(event_kind_name(event.kind)) + " " + std::string(access_name(body.access)) + " via " +
                std::string(via_name(body.via)) + " '" + body.name + "' by " + event.process.comm + "(" +
                std::to_string(event.process.tgid) + ") in " + std::to_string(event.sandbox) + " on " +
                body.target.comm + "(" + std::to_string(body.target.tgid) + ") in " +
                std::to_string(body.target_sandbox) + " asked for " + std::to_string(body.requested_pid) + ", call " +
                std::to_string(body.syscall_nr) + " result " + std::to_string(body.result) +
                (body.attempted ? " attempted" : "") + (body.hint ? " hint" : "") + " flags " +
                std::to_string(event.flags) + "\n";
    }
    return text;
}

}  // namespace fnshield::testing
