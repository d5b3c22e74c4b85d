// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/outputs.h"

#include <gmock/gmock.h>

#include "tests/unit/output/support.h"

namespace fnshield {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Type = OutputSpec::Type;
using Stream = OutputSpec::Stream;

// Keeps what it is given; fails while `error` is set.
class MemorySink final : public Sink {
public:
    [[nodiscard]] std::string_view name() const override { return "memory"; }
    [[nodiscard]] Result<void> write(std::string_view line, const Alert* alert) override
    {
        stats_.last_error = error;
        if (!error.empty()) {
            ++stats_.dropped;
            return fail(error);
        }
        lines.emplace_back(line);
        with_alert = alert != nullptr;
        ++stats_.written;
        return {};
    }
    [[nodiscard]] const SinkStats& stats() const override { return stats_; }

    std::vector<std::string> lines;
    bool with_alert = false;
    std::string error;

private:
    SinkStats stats_;
};

MemorySink* add_to(Outputs& outputs, Stream stream)
{
    auto sink = std::make_unique<MemorySink>();
    MemorySink* raw = sink.get();
    outputs.add(Type::jsonl, stream, std::move(sink));
    return raw;
}

TEST(Outputs, EachStreamGoesToItsOwnSinks)
{
    auto outputs = Outputs::make({});
    ASSERT_TRUE(outputs);
    EXPECT_FALSE(outputs->wants_events());
    MemorySink* alerts = add_to(*outputs, Stream::alerts);
    EXPECT_FALSE(outputs->wants_events());
    MemorySink* events = add_to(*outputs, Stream::events);
    EXPECT_TRUE(outputs->wants_events());

    outputs->write_alert(test::sample_alert(), R"({"id":"1"})");
    outputs->write_event("{}");
    EXPECT_THAT(alerts->lines, ElementsAre(R"({"id":"1"})"));
    EXPECT_TRUE(alerts->with_alert);
    EXPECT_THAT(events->lines, ElementsAre("{}"));
    EXPECT_FALSE(events->with_alert);
}

TEST(Outputs, AFailingSinkCostsTheOthersNothingAndIsToldOnce)
{
    auto outputs = Outputs::make({});
    ASSERT_TRUE(outputs);
    MemorySink* broken = add_to(*outputs, Stream::events);
    MemorySink* fine = add_to(*outputs, Stream::events);
    broken->error = "disk full";
    outputs->write_event("1");
    outputs->write_event("2");
    EXPECT_THAT(fine->lines, ElementsAre("1", "2"));
    EXPECT_THAT(outputs->problems(), ElementsAre("output memory: disk full"));
    EXPECT_THAT(outputs->problems(), IsEmpty());
    broken->error.clear();
    outputs->write_event("3");
    EXPECT_THAT(outputs->problems(), ElementsAre("output memory works again"));

    const auto status = outputs->status();
    ASSERT_EQ(status.size(), 2U);
    EXPECT_EQ(status[0].label, "jsonl_events");
    EXPECT_EQ(status[0].stats.dropped, 2U);
    EXPECT_EQ(status[0].stats.written, 1U);
    EXPECT_EQ(status[1].label, "jsonl_events_2");
    EXPECT_EQ(status[1].stats.written, 3U);
}

TEST(Outputs, AreMadeFromTheConfiguration)
{
    test::TempFolder folder;
    const auto path = folder.path() / "alerts.jsonl";
    const std::vector<OutputSpec> specs{{.type = Type::jsonl, .stream = Stream::alerts, .path = path},
                                        {.type = Type::journald, .stream = Stream::alerts}};
    auto outputs = Outputs::make(specs);
    ASSERT_TRUE(outputs);
    const auto status = outputs->status();
    ASSERT_EQ(status.size(), 2U);
    EXPECT_EQ(status[0].name, "jsonl " + path.string());
    EXPECT_EQ(status[1].name, "journald");
    EXPECT_EQ(status[1].label, "journald_alerts");
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(Outputs, AFileWithoutAPathIsAUsageError)
{
    const std::vector<OutputSpec> specs{{.type = Type::jsonl}};
    const auto outputs = Outputs::make(specs);
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().exit_code, ExitCode::usage);
}

TEST(Outputs, ReopenReachesTheFiles)
{
    test::TempFolder folder;
    const auto path = folder.path() / "events.jsonl";
    const std::vector<OutputSpec> specs{{.type = Type::jsonl, .stream = Stream::events, .path = path}};
    auto outputs = Outputs::make(specs);
    ASSERT_TRUE(outputs);
    std::filesystem::rename(path, folder.path() / "old");
    outputs->reopen();
    outputs->write_event("{}");
    EXPECT_EQ(test::read_all(path), "{}\n");
}

}  // namespace
}  // namespace fnshield
