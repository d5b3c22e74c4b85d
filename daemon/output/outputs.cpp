// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/outputs.h"

#include <algorithm>

#include "daemon/output/journald_sink.h"
#include "daemon/output/jsonl_sink.h"

namespace fnshield {
namespace {

std::string_view type_name(OutputSpec::Type type)
{
    return type == OutputSpec::Type::jsonl ? "jsonl" : "journald";
}

std::string_view stream_name(OutputSpec::Stream stream)
{
    return stream == OutputSpec::Stream::alerts ? "alerts" : "events";
}

Result<std::unique_ptr<Sink>> make_sink(const OutputSpec& spec)
{
    if (spec.type == OutputSpec::Type::journald)
        return std::make_unique<JournaldSink>();
    if (spec.path.empty())
        return fail("a jsonl output needs a path", ExitCode::usage);
    return std::make_unique<JsonlSink>(spec.path);
}

}  // namespace

Result<Outputs> Outputs::make(std::span<const OutputSpec> specs)
{
    Outputs outputs;
    for (const OutputSpec& spec : specs) {
        auto sink = make_sink(spec);
        if (!sink)
            return pass(std::move(sink), "outputs");
        outputs.add(spec.type, spec.stream, std::move(*sink));
    }
    return outputs;
}

void Outputs::add(OutputSpec::Type type, OutputSpec::Stream stream, std::unique_ptr<Sink> sink)
{
    std::string label = std::string(type_name(type)) + "_" + std::string(stream_name(stream));
    const auto same =
        std::ranges::count_if(rows_, [&](const Row& row) { return row.type == type && row.stream == stream; });
    if (same > 0)
        label += "_" + std::to_string(same + 1);
    rows_.push_back({.type = type, .stream = stream, .label = std::move(label), .sink = std::move(sink), .told = {}});
    wants_events_ = wants_events_ || stream == OutputSpec::Stream::events;
}

void Outputs::write_alert(const Alert& alert, std::string_view json_line)
{
    write(OutputSpec::Stream::alerts, json_line, &alert);
}

void Outputs::write_event(std::string_view json_line)
{
    write(OutputSpec::Stream::events, json_line, nullptr);
}

void Outputs::write(OutputSpec::Stream stream, std::string_view json_line, const Alert* alert)
{
    for (Row& row : rows_)
        if (row.stream == stream)
            (void)row.sink->write(json_line, alert);  // counted there; problems() says why
}

void Outputs::tick()
{
    for (Row& row : rows_)
        (void)row.sink->tick();
}

void Outputs::reopen()
{
    for (Row& row : rows_)
        (void)row.sink->reopen();
}

std::vector<OutputStatus> Outputs::status() const
{
    std::vector<OutputStatus> status;
    status.reserve(rows_.size());
    for (const Row& row : rows_)
        status.push_back({.label = row.label, .name = std::string(row.sink->name()), .stats = row.sink->stats()});
    return status;
}

std::vector<std::string> Outputs::problems()
{
    std::vector<std::string> news;
    for (Row& row : rows_) {
        const std::string& error = row.sink->stats().last_error;
        if (error == row.told)
            continue;
        const std::string name = "output " + std::string(row.sink->name());
        news.push_back(error.empty() ? name + " works again" : name + ": " + error);
        row.told = error;
    }
    return news;
}

}  // namespace fnshield
