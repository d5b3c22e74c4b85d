// SPDX-License-Identifier: Apache-2.0
//
// All sinks, by the stream that each of them wants. One failing sink costs the others nothing: its lines are queued or
// dropped and counted, and problems() tells the app what to log. Not thread-safe; the daemon's loop owns it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/output/sink.h"

namespace fnshield {

// One row of `outputs:` in the configuration.
struct OutputSpec {
    enum class Type : std::uint8_t { jsonl, journald };
    enum class Stream : std::uint8_t { alerts, events };

    Type type = Type::jsonl;
    Stream stream = Stream::alerts;
    std::string path;  // jsonl
};

struct OutputStatus {
    std::string label;  // "jsonl_alerts"; no path, so that it may be a metric's label. A second one is "jsonl_alerts_2"
    std::string name;   // "jsonl /var/log/fnshield/alerts.jsonl"
    SinkStats stats;
};

class Outputs {
public:
    // A row that cannot mean anything is an error (usage); a file that cannot be opened now is a problem, not an error.
    [[nodiscard]] static Result<Outputs> make(std::span<const OutputSpec> specs);

    // With other sinks than those of the configuration.
    void add(OutputSpec::Type type, OutputSpec::Stream stream, std::unique_ptr<Sink> sink);

    // json_line: to_line(alert_json(alert)); the control socket wants the same object, so the caller makes it once.
    void write_alert(const Alert& alert, std::string_view json_line);
    // Is it worth making the line?
    [[nodiscard]] bool wants_events() const { return wants_events_; }
    void write_event(std::string_view json_line);

    void tick();
    void reopen();

    [[nodiscard]] std::vector<OutputStatus> status() const;
    // What went wrong, or well again, since the last call, one line each.
    [[nodiscard]] std::vector<std::string> problems();

private:
    struct Row {
        OutputSpec::Type type;
        OutputSpec::Stream stream;
        std::string label;
        std::unique_ptr<Sink> sink;
        std::string told;  // the last error that problems() gave out
    };

    Outputs() = default;
    void write(OutputSpec::Stream stream, std::string_view json_line, const Alert* alert);

    std::vector<Row> rows_;
    bool wants_events_ = false;
};

}  // namespace fnshield
