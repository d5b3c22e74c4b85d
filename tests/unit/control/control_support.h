// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the control socket share: a daemon's answers made by hand, a run directory of their own, a server
// in a thread of its own, and a plain blocking client.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/control/protocol.h"
#include "daemon/control/server.h"
#include "daemon/policy/policy.h"

namespace fnshield::test {

class FixedClock final : public Clock {
public:
    Nanoseconds boot_ns() const override { return 1000 * kSecond; }
    std::int64_t wall_offset_ns() const override { return 1'700'000'000LL * static_cast<std::int64_t>(kSecond); }
};

class FakeBackend final : public ControlBackend {
public:
    FakeBackend()
    {
        report.node = "worker-7";
        report.mode = "monitor";
        report.backend = "auto";
        report.kernel = "6.1.0";
        report.pid = 4711;
        report.started_ns = 400 * kSecond;
        report.heartbeat_ns = 999 * kSecond;
        report.sandboxes_created = 12;
        report.alerts = 2;
        report.listen = "127.0.0.1:9938";
        report.sensors = {{.name = "process",
                           .backend = "tracepoint",
                           .error = {},
                           .events = 70,
                           .suppressed = 5,
                           .lost = {{"budget", 3}},
                           .programs = {{"exec", "tracepoint", true, ""}}},
                          {.name = "memory",
                           .backend = "",
                           .error = "the kernel refused it",
                           .events = 0,
                           .suppressed = 0,
                           .lost = {},
                           .programs = {}}};
        report.policies = {{"default", ""}, {"resnet", "/etc/fnshield/policies/resnet.yaml"}};
        report.tables = {{"sandboxes", 2, 16384, 0}};
        sandboxes = {sandbox(11, "resize", "i-1", 100 * kSecond), sandbox(12, "resnet", "i-4", 90 * kSecond)};
    }

    static Sandbox sandbox(SandboxId id, const std::string& function, const std::string& instance,
                           Nanoseconds created_ns)
    {
        Sandbox made;
        made.id = id;
        made.cgroup = "/fn/acme/" + function + "/" + instance;
        made.name = {.platform = "template", .tenant = "acme", .function = function, .instance = instance};
        made.state = SandboxState::serving;
        made.created_ns = created_ns;
        made.cold_start.total_ns = 240 * kMillisecond;
        made.invocation = 12;
        made.alerts = 1;
        made.policy = std::make_shared<const Policy>();
        return made;
    }

    StatusReport status() const override { return report; }
    void for_each_sandbox(const std::function<void(const Sandbox&)>& visit) const override
    {
        for (const Sandbox& one : sandboxes)
            visit(one);
    }
    std::optional<RuleText> rule_text(std::string_view rule) const override
    {
        if (rule != "isolation.memory_read")
            return std::nullopt;
        return RuleText{"one sandbox read another's memory", "Find out who runs the reader."};
    }
    Result<std::string> reload() override
    {
        ++reloads;
        if (reload_fails)
            return fail("policy a.yaml: line 3: unknown key");
        return "reloaded: 3 policies";
    }
    const Clock& clock() const override { return clock_; }

    StatusReport report;
    std::vector<Sandbox> sandboxes;
    int reloads = 0;
    bool reload_fails = false;

private:
    FixedClock clock_;
};

// A directory that goes with the test.
class TemporaryDirectory {
public:
    TemporaryDirectory()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "fnshield-XXXXXX").string();
        if (::mkdtemp(pattern.data()) != nullptr)
            path_ = pattern;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory()
    {
        std::error_code ignored;
        if (!path_.empty())
            std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

// A server in its own thread, as the daemon's loop runs it. run() does something in that thread and waits for it.
class ServerThread {
public:
    explicit ServerThread(const ControlServer::Limits& limits = {}, const std::string& group = "fnshield-no-such-group")
        : loop_(std::move(*EventLoop::make())), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    {
        auto made = ControlServer::make(loop_, run_dir(), backend, limits, group);
        if (!made) {
            ADD_FAILURE() << made.error().message;
            return;
        }
        server_ = std::move(*made);
        const auto added = loop_.add(wake_.get(), EPOLLIN, [this](std::uint32_t) { run_jobs(); });
        EXPECT_TRUE(added.has_value());
        thread_ = std::thread([this] { (void)loop_.run(); });
    }
    ~ServerThread()
    {
        if (thread_.joinable()) {
            run([this](ControlServer&) { loop_.stop(); });
            thread_.join();
        }
    }

    void run(std::function<void(ControlServer&)> job)
    {
        std::promise<void> done;
        {
            const std::lock_guard guard(mutex_);
            jobs_.push_back([&] {
                job(*server_);
                done.set_value();
            });
        }
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(wake_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
        done.get_future().wait();
    }
    ControlServer::Stats stats()
    {
        ControlServer::Stats stats;
        run([&](ControlServer& server) { stats = server.stats(); });
        return stats;
    }

    std::string run_dir() const { return directory_.path() + "/run"; }
    std::string socket_path() const { return run_dir() + "/control.sock"; }

    FakeBackend backend;  // of the server's thread: change it in run()

private:
    void run_jobs()
    {
        std::uint64_t count = 0;
        EXPECT_EQ(::read(wake_.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
        std::vector<std::function<void()>> jobs;
        {
            const std::lock_guard guard(mutex_);
            jobs.swap(jobs_);
        }
        for (const auto& job : jobs)
            job();
    }

    TemporaryDirectory directory_;
    EventLoop loop_;
    UniqueFd wake_;
    std::unique_ptr<ControlServer> server_;
    std::mutex mutex_;
    std::vector<std::function<void()>> jobs_;
    std::thread thread_;
};

// Gives up after ten seconds of silence, so that a fault fails a test and does not hang it.
class TestClient {
public:
    explicit TestClient(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
            << std::generic_category().message(errno);
    }

    int fd() const { return socket_.get(); }

    // How many of the bytes the server took before it hung up.
    std::size_t send(std::string_view bytes)
    {
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            const ssize_t count = ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (count <= 0)
                break;
            sent += static_cast<std::size_t>(count);
        }
        return sent;
    }

    // The next line; nothing at the end of the stream or after ten seconds.
    std::optional<std::string> line()
    {
        for (;;) {
            if (const auto end = buffer_.find('\n'); end != std::string::npos) {
                std::string found = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                return found;
            }
            pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
            std::array<char, 65536> chunk;
            if (::poll(&waiting, 1, 10'000) != 1)
                return std::nullopt;
            const ssize_t count = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
            if (count <= 0)
                return std::nullopt;
            buffer_.append(chunk.data(), static_cast<std::size_t>(count));
        }
    }

    nlohmann::json json()
    {
        const auto text = line();
        return text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
    }

    nlohmann::json ask(std::string_view request)
    {
        send(std::string(request) + "\n");
        return json();
    }

private:
    UniqueFd socket_;
    std::string buffer_;
};

}  // namespace fnshield::test
