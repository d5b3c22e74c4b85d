// SPDX-License-Identifier: Apache-2.0
//
// JSON lines in a file that others rotate. Holds whole lines only: what a full disk cut off is taken back, and where
// even that is impossible (a pipe, a crash before) the next line begins on a line of its own.
//
// While the file cannot be written or opened, lines wait in a bounded queue, are tried again at every tick() in their
// order, and are dropped and counted when the queue is full: the oldest are kept, for they tell how it began.
#pragma once

#include <deque>
#include <filesystem>

#include "daemon/base/unique_fd.h"
#include "daemon/output/sink.h"

namespace fnshield {

class JsonlSink final : public Sink {
public:
    struct Options {
        std::size_t queue_lines = 10'000;
        std::size_t queue_bytes = 4 * 1024 * 1024;
    };

    // Makes the folder (mode 0750) and the file (0640) where they are missing. A file that cannot be opened is no error
    // here: it is tried again at every tick, and stats().last_error says why.
    JsonlSink(std::filesystem::path path, Options options);
    explicit JsonlSink(std::filesystem::path path) : JsonlSink(std::move(path), Options{}) {}

    [[nodiscard]] std::string_view name() const override { return name_; }
    [[nodiscard]] Result<void> write(std::string_view json_line, const Alert* alert) override;
    [[nodiscard]] Result<void> tick() override;  // also opens the file anew when its name leads to another one now
    [[nodiscard]] Result<void> reopen() override;
    [[nodiscard]] const SinkStats& stats() const override { return stats_; }

private:
    [[nodiscard]] Result<void> open();
    [[nodiscard]] bool was_moved() const;
    [[nodiscard]] bool is_deleted() const;
    // All of the line or nothing of it, unless the file is one from which nothing can be taken back.
    [[nodiscard]] Result<void> write_line(std::string_view line);
    [[nodiscard]] Result<void> drain();
    void enqueue(std::string_view line);
    [[nodiscard]] Result<void> note(Result<void> result);

    std::filesystem::path path_;
    std::string name_;
    Options options_;
    UniqueFd file_;
    bool regular_ = false;
    bool line_is_open_ = false;  // the file does not end with a newline
    std::deque<std::string> queue_;
    std::size_t queued_bytes_ = 0;
    SinkStats stats_;
};

}  // namespace fnshield
