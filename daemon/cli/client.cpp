// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/client.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <csignal>

namespace fnshield::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kPatienceSeconds = 10;  // for one answer

Result<Json> parse_answer(const std::string& line)
{
    Json answer = Json::parse(line, nullptr, false);
    if (!answer.is_object() || !answer.contains("ok") || !answer["ok"].is_boolean())
        return fail("the daemon's answer cannot be read: is it of another version?");
    if (answer["ok"] == true)
        return answer;
    return fail(answer.value("error", std::string("the daemon refused without saying why")));
}

Result<UniqueFd> catch_interrupts()
{
    sigset_t interrupts;
    ::sigemptyset(&interrupts);
    ::sigaddset(&interrupts, SIGINT);
    if (::sigprocmask(SIG_BLOCK, &interrupts, nullptr) != 0)
        return fail_errno("cannot wait for Ctrl-C");
    UniqueFd fd(::signalfd(-1, &interrupts, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd)
        return fail_errno("cannot wait for Ctrl-C");
    return fd;
}

}  // namespace

Result<Client> Client::connect(const std::string& run_dir)
{
    const std::string path = run_dir + "/" + std::string(control::kSocketName);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.size() >= sizeof address.sun_path)
        return fail("the path " + path + " is too long for a socket", ExitCode::usage);
    path.copy(address.sun_path, path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket)
        return fail_errno("cannot make a socket");
    const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EACCES || errno == EPERM)
            return fail_errno("cannot connect to " + path + " (be root or in the group fnshield)");
        if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
            return fail("no daemon at " + path +
                            ": is fnshieldd running? (systemctl status fnshieldd; --run-dir DIR for another one)",
                        kNoDaemon);
        return fail_errno("cannot connect to " + path);
    }
    return Client(path, std::move(socket));
}

Result<void> Client::send(const control::Request& request)
{
    const std::string line = control::format_request(request);
    std::string_view rest = line;
    while (!rest.empty()) {
        const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EPIPE)
            return {};  // it hung up, and what it said first is there to be read
        if (sent < 0)
            return fail_errno("cannot ask the daemon");
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

std::optional<std::string> Client::buffered_line()
{
    const std::size_t end = buffer_.find('\n', searched_);
    if (end == std::string::npos) {
        searched_ = buffer_.size();
        return std::nullopt;
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    searched_ = 0;
    return line;
}

Result<void> Client::receive()
{
    std::array<char, 65536> chunk;
    const ssize_t got = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (got > 0) {
        buffer_.append(chunk.data(), static_cast<std::size_t>(got));
        return {};
    }
    if (got == 0 || errno == ECONNRESET)
        return fail("the daemon at " + path_ + " hung up", kNoDaemon);
    if (errno == EAGAIN)
        return fail("the daemon at " + path_ + " does not answer (" + std::to_string(kPatienceSeconds) + " s)");
    return fail_errno("cannot read the daemon's answer");
}

Result<std::string> Client::read_line()
{
    for (;;) {
        if (auto line = buffered_line())
            return std::move(*line);
        if (auto received = receive(); !received)
            return pass(std::move(received));
    }
}

Result<Json> Client::ask(const control::Request& request)
{
    if (auto sent = send(request); !sent)
        return pass(std::move(sent));
    auto line = read_line();
    if (!line)
        return pass(std::move(line));
    return parse_answer(*line);
}

Result<Client::Ended> Client::follow(const control::Request& request, int out_fd, const OnLine& on_line)
{
    auto interrupts = catch_interrupts();
    if (!interrupts)
        return pass(std::move(interrupts));
    if (auto answer = ask(request); !answer)
        return pass(std::move(answer));
    for (;;) {
        while (auto line = buffered_line())
            if (!on_line(Json::parse(*line, nullptr, false)))
                return Ended::reader_gone;
        std::array<pollfd, 3> waiting{{{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                                       {.fd = interrupts->get(), .events = POLLIN, .revents = 0},
                                       {.fd = out_fd, .events = 0, .revents = 0}}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
            return fail_errno("cannot wait for the daemon");
        if (waiting[1].revents != 0)
            return Ended::interrupted;
        if ((waiting[2].revents & POLLERR) != 0)
            return Ended::reader_gone;
        if (waiting[0].revents == 0)
            continue;
        if (auto received = receive(); !received)
            return pass(std::move(received));
    }
}

}  // namespace fnshield::cli
