// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/journald_sink.h"

#define SD_JOURNAL_SUPPRESS_LOCATION  // where in our source it was sent from tells nobody anything
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <array>

namespace fnshield {
namespace {

constexpr std::array<int, 4> kPriorities{LOG_NOTICE, LOG_WARNING, LOG_ERR, LOG_CRIT};  // by Severity

int priority_of(Severity severity)
{
    return kPriorities[static_cast<std::size_t>(severity)];
}

}  // namespace

JournaldSink::JournaldSink(std::filesystem::path socket) : socket_(std::move(socket))
{
    if (access(socket_.c_str(), F_OK) != 0)
        stats_.last_error = "no journal at " + socket_.string();
}

std::vector<std::string> journal_fields(std::string_view json_line, const Alert* alert)
{
    std::vector<std::string> fields;
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!value.empty())
            fields.push_back(std::string(name) + "=" + std::string(value));
    };
    add("SYSLOG_IDENTIFIER", "fnshieldd");
    if (!alert) {
        add("MESSAGE", json_line);
        add("PRIORITY", std::to_string(LOG_INFO));
        return fields;
    }
    add("MESSAGE", alert->summary);
    add("MESSAGE_ID", kAlertMessageId);
    add("PRIORITY", std::to_string(priority_of(alert->severity)));
    add("FNSHIELD_ALERT", alert->id);
    add("FNSHIELD_RULE", alert->rule);
    add("FNSHIELD_SEVERITY", severity_name(alert->severity));
    add("FNSHIELD_CATEGORY", category_name(alert->category));
    add("FNSHIELD_NODE", alert->node);
    add("FNSHIELD_COUNT", std::to_string(alert->count));
    if (alert->sandbox) {
        add("FNSHIELD_SANDBOX", alert->sandbox->cgroup);
        add("FNSHIELD_TENANT", alert->sandbox->name.tenant);
        add("FNSHIELD_FUNCTION", alert->sandbox->name.function);
        add("FNSHIELD_INSTANCE", alert->sandbox->name.instance);
    }
    add("FNSHIELD_JSON", json_line);
    return fields;
}

Result<void> JournaldSink::write(std::string_view json_line, const Alert* alert)
{
    const auto drop = [&](Error error) -> Result<void> {
        ++stats_.dropped;
        stats_.last_error = error.message;
        return std::unexpected(std::move(error));
    };
    if (access(socket_.c_str(), F_OK) != 0)
        return drop(fail_errno("no journal at " + socket_.string()).error());

    std::vector<std::string> fields = journal_fields(json_line, alert);
    std::vector<iovec> parts;
    parts.reserve(fields.size());
    for (std::string& field : fields)
        parts.push_back({.iov_base = field.data(), .iov_len = field.size()});
    if (const int sent = sd_journal_sendv(parts.data(), static_cast<int>(parts.size())); sent < 0)
        return drop(fail_errno("cannot send to the journal", sent).error());
    ++stats_.written;
    stats_.last_error.clear();
    return {};
}

}  // namespace fnshield
