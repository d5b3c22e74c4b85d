// SPDX-License-Identifier: Apache-2.0
//
// Alerts in the system's journal, with fields to select by: journalctl FNSHIELD_RULE=isolation.memory_read. libsystemd
// says nothing when there is no journal, so the sink looks for its socket: without it each line is dropped and counted,
// and last_error says why.
#pragma once

#include <filesystem>
#include <vector>

#include "daemon/output/sink.h"

namespace fnshield {

inline constexpr std::string_view kJournalSocket = "/run/systemd/journal/socket";
inline constexpr std::string_view kAlertMessageId = "f20c2f3a1d5c4c0f9a4c7f4c6a4be7d1";  // journalctl MESSAGE_ID=…

class JournaldSink final : public Sink {
public:
    explicit JournaldSink(std::filesystem::path socket = kJournalSocket);

    [[nodiscard]] std::string_view name() const override { return "journald"; }
    [[nodiscard]] Result<void> write(std::string_view json_line, const Alert* alert) override;
    [[nodiscard]] const SinkStats& stats() const override { return stats_; }

private:
    std::filesystem::path socket_;
    SinkStats stats_;
};

// "NAME=value", what one entry of the journal says.
[[nodiscard]] std::vector<std::string> journal_fields(std::string_view json_line, const Alert* alert);

}  // namespace fnshield
