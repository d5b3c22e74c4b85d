// SPDX-License-Identifier: Apache-2.0
//
// bench_load: one kind of work in a tight loop, timed from inside. bench.py runs it with and without the daemon, inside
// a sandbox and outside. `bench_load NAME MILLISECONDS` → one line "operations wall_ns cpu_ns"; cpu_ns is user + system
// of this process and its ended children.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what)
{
    std::perror(what);
    std::exit(1);
}

int check(int result, const char* what)
{
    if (result < 0)
        die(what);
    return result;
}

std::int64_t cpu_ns()
{
    std::int64_t sum = 0;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage{};
        getrusage(who, &usage);
        for (const timeval& part : {usage.ru_utime, usage.ru_stime})
            sum += part.tv_sec * 1'000'000'000LL + part.tv_usec * 1'000LL;
    }
    return sum;
}

// Calls `work` in batches until the time is up, and prints what it took.
template <typename Work>
void measure(int milliseconds, int batch, Work work)
{
    for (int i = 0; i < batch; ++i)
        work();  // warm-up
    const auto deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
    const auto began = Clock::now();
    const std::int64_t cpu_before = cpu_ns();
    std::int64_t operations = 0;
    auto now = began;
    do {
        for (int i = 0; i < batch; ++i)
            work();
        operations += batch;
        now = Clock::now();
    } while (now < deadline);
    std::printf("%lld %lld %lld\n", static_cast<long long>(operations),
                static_cast<long long>(std::chrono::nanoseconds(now - began).count()),
                static_cast<long long>(cpu_ns() - cpu_before));
}

void null_syscall(int milliseconds)
{
    measure(milliseconds, 10000, [] { syscall(SYS_getppid); });
}

void open_close(int milliseconds)
{
    measure(milliseconds, 1000, [] { close(check(open("/usr/bin/env", O_RDONLY | O_CLOEXEC), "open")); });
}

void exec(int milliseconds)
{
    measure(milliseconds, 10, [] {
        char path[] = "/proc/self/exe";
        char name[] = "bench_load";
        char what[] = "exit";
        char* argv[] = {name, what, nullptr};
        pid_t child = 0;
        if (posix_spawn(&child, path, nullptr, nullptr, argv, environ) != 0)
            die("posix_spawn");
        waitpid(child, nullptr, 0);
    });
}

sockaddr_in bound_to_loopback(int socket)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
    socklen_t length = sizeof address;
    check(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
    return address;
}

void udp_send(int milliseconds)
{
    const int receiver = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    const int sender = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    const sockaddr_in to = bound_to_loopback(receiver);
    std::array<char, 64> payload{};
    measure(milliseconds, 1000, [&] {
        check(static_cast<int>(sendto(sender, payload.data(), payload.size(), MSG_DONTWAIT,
                                      reinterpret_cast<const sockaddr*>(&to), sizeof to)),
              "sendto");
        (void)!recv(receiver, payload.data(), payload.size(), MSG_DONTWAIT);
    });
}

void connect_close(int milliseconds)
{
    const int listener = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
    const sockaddr_in to = bound_to_loopback(listener);
    check(listen(listener, 64), "listen");
    measure(milliseconds, 50, [&] {
        const int client = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
        const linger reset{1, 0};  // no TIME_WAIT: ports do not run out
        setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        check(connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
        const int server = check(accept(listener, nullptr, nullptr), "accept");
        close(client);
        close(server);
    });
}

// Reads 4 KiB of a child: parent and child, so never a breach.
void vmread(int milliseconds)
{
    static std::array<char, 4096> page{};
    page.fill(7);
    int hold[2];
    check(pipe(hold), "pipe");
    const pid_t child = check(fork(), "fork");
    if (child == 0) {
        close(hold[1]);
        char byte = 0;
        (void)!read(hold[0], &byte, 1);
        _exit(0);
    }
    std::array<char, 4096> buffer{};
    iovec local{buffer.data(), buffer.size()};
    iovec remote{page.data(), page.size()};
    measure(milliseconds, 1000, [&] {
        if (process_vm_readv(child, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(page.size()))
            die("process_vm_readv");
    });
    close(hold[1]);
    waitpid(child, nullptr, 0);
}

void answer_requests(int listener)
{
    const int connection = accept(listener, nullptr, nullptr);
    const int on = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    std::array<char, 1024> request{};
    while (read(connection, request.data(), request.size()) > 0)
        (void)!write(connection, kAnswer.data(), kAnswer.size());
    close(connection);
}

// A request and its answer over one connection, a thread at each end.
void http_keep_alive(int milliseconds)
{
    const int listener = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
    const sockaddr_in to = bound_to_loopback(listener);
    check(listen(listener, 1), "listen");
    std::thread server(answer_requests, listener);
    const int client = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
    check(connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
    const int on = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: f\r\n\r\n";
    std::array<char, 1024> answer{};
    measure(milliseconds, 100, [&] {
        if (write(client, kRequest.data(), kRequest.size()) < 0 || read(client, answer.data(), answer.size()) <= 0)
            die("request");
    });
    close(client);
    server.join();
}

struct Load {
    std::string_view name;
    void (*run)(int milliseconds);
};

constexpr Load kLoads[] = {
    {"null", null_syscall}, {"open", open_close}, {"udp", udp_send},         {"connect", connect_close},
    {"vmread", vmread},     {"exec", exec},       {"http", http_keep_alive},
};

}  // namespace

int main(int argc, char** argv)
{
    if (argc == 2 && std::string_view(argv[1]) == "exit")
        return 0;
    if (argc == 3)
        for (const Load& load : kLoads)
            if (load.name == argv[1]) {
                load.run(std::atoi(argv[2]));
                return 0;
            }
    std::fprintf(stderr, "usage: bench_load NAME MILLISECONDS; NAME is one of");
    for (const Load& load : kLoads)
        std::fprintf(stderr, " %.*s", static_cast<int>(load.name.size()), load.name.data());
    std::fprintf(stderr, "\n");
    return 2;
}
