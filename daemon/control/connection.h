// SPDX-License-Identifier: Apache-2.0
//
// One client of the control socket: bytes in → lines, lines → bytes out. Neither direction blocks or grows without end:
// a request line has a limit, pushed lines beyond the output limit are dropped and counted, and while an answer waits
// to be read no further request is.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/unique_fd.h"
#include "daemon/control/protocol.h"
#include "daemon/control/run_dir.h"

namespace fnshield::control {

class Connection {
public:
    Connection(UniqueFd socket, Peer peer, std::size_t max_output_bytes)
        : socket_(std::move(socket)), peer_(peer), max_output_bytes_(max_output_bytes)
    {
    }

    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] const Peer& peer() const { return peer_; }

    // Reads what is there, once. False = the client is gone; one that has only ended its half may still want answers.
    [[nodiscard]] bool receive();
    // The next whole line, without its newline; an oversized one comes as its first bytes, longer than the limit.
    [[nodiscard]] std::optional<std::string> next_line();
    // The rest of the input is not to be trusted any more: answer, then close.
    void close_after_output() { closing_ = true; }

    // An answer: always queued. False = the client is gone, here and below.
    [[nodiscard]] bool answer(std::string line);
    // A line of a stream: dropped and counted where the client is too slow.
    [[nodiscard]] bool push(const std::shared_ptr<const std::string>& line);
    [[nodiscard]] bool flush();

    [[nodiscard]] bool has_output() const { return !output_.empty(); }
    [[nodiscard]] std::size_t output_bytes() const { return output_bytes_; }
    [[nodiscard]] bool reads() const { return !closing_ && !input_ended_ && output_.empty(); }
    // Nothing is left to do: all was said, and neither a request nor a stream is open.
    [[nodiscard]] bool finished() const { return output_.empty() && (closing_ || (input_ended_ && !follows)); }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_total_; }

    // Which stream it follows, if any.
    std::optional<Request> follows;

private:
    void enqueue(std::shared_ptr<const std::string> line);

    UniqueFd socket_;
    Peer peer_;
    std::size_t max_output_bytes_;
    std::string input_;
    std::size_t input_at_ = 0;  // what stands before it was handed out
    bool input_ended_ = false;
    std::deque<std::shared_ptr<const std::string>> output_;
    std::size_t output_bytes_ = 0;
    std::size_t front_sent_ = 0;  // bytes of output_.front() that are out
    std::uint64_t dropped_ = 0;   // not yet told
    std::uint64_t dropped_total_ = 0;
    bool closing_ = false;
};

}  // namespace fnshield::control
