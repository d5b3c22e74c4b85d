// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/connection.h"

#include <sys/socket.h>

#include <array>

namespace fnshield::control {

bool Connection::receive()
{
    std::array<char, 16384> buffer;
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        input_ended_ = true;
    input_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
}

std::optional<std::string> Connection::next_line()
{
    const std::size_t end = input_.find('\n', input_at_);
    const std::size_t length = (end == std::string::npos ? input_.size() : end) - input_at_;
    if (length > kMaxRequestBytes) {
        std::string start = input_.substr(input_at_, kMaxRequestBytes + 1);
        input_.clear();
        input_at_ = 0;
        return start;
    }
    if (end == std::string::npos) {
        input_.erase(0, std::exchange(input_at_, 0));
        return std::nullopt;
    }
    std::string line = input_.substr(input_at_, length);
    input_at_ = end + 1;
    return line;
}

void Connection::enqueue(std::shared_ptr<const std::string> line)
{
    output_bytes_ += line->size();
    output_.push_back(std::move(line));
}

bool Connection::answer(std::string line)
{
    enqueue(std::make_shared<const std::string>(std::move(line)));
    return flush();
}

bool Connection::push(const std::shared_ptr<const std::string>& line)
{
    if (output_bytes_ + line->size() > max_output_bytes_) {
        ++dropped_;
        ++dropped_total_;
        return true;
    }
    if (dropped_ > 0)
        enqueue(std::make_shared<const std::string>(format_line({{"dropped", std::exchange(dropped_, 0)}})));
    enqueue(line);
    // With output waiting, the loop writes when the client reads: a system call for each line would be wasted.
    return output_.size() > 1 || flush();
}

bool Connection::flush()
{
    while (!output_.empty() || dropped_ > 0) {
        if (output_.empty())
            enqueue(std::make_shared<const std::string>(format_line({{"dropped", std::exchange(dropped_, 0)}})));
        const std::string& line = *output_.front();
        const ssize_t sent =
            ::send(socket_.get(), line.data() + front_sent_, line.size() - front_sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        front_sent_ += static_cast<std::size_t>(sent);
        if (front_sent_ == line.size()) {
            output_bytes_ -= line.size();
            front_sent_ = 0;
            output_.pop_front();
        }
    }
    return true;
}

}  // namespace fnshield::control
