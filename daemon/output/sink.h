// SPDX-License-Identifier: Apache-2.0
//
// Where one stream of alerts or events goes. A sink takes whole lines and answers for each of them: written, queued for
// later, or dropped and counted. It never blocks the loop for long and never takes the daemon down.
//
// Adding one: a file in this folder, its row in outputs.cpp, its test in tests/unit/output/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/respond/alert.h"

namespace fnshield {

struct SinkStats {
    std::uint64_t written = 0;  // lines
    std::uint64_t dropped = 0;
    std::uint64_t queued = 0;  // now
    std::string last_error;    // empty while all is well
};

class Sink {
public:
    virtual ~Sink() = default;
    // Says which one it is, for the log: "jsonl /var/log/fnshield/alerts.jsonl".
    [[nodiscard]] virtual std::string_view name() const = 0;
    // One line without its end; `alert` is what it says, null for an event. An error means that this line is not out:
    // queued or dropped, as stats() tells.
    [[nodiscard]] virtual Result<void> write(std::string_view json_line, const Alert* alert) = 0;
    // Once a second: tries what is queued again.
    [[nodiscard]] virtual Result<void> tick() { return {}; }
    // SIGHUP: a log rotation moved the file away.
    [[nodiscard]] virtual Result<void> reopen() { return {}; }
    [[nodiscard]] virtual const SinkStats& stats() const = 0;
};

}  // namespace fnshield
