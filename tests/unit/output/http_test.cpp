// SPDX-License-Identifier: Apache-2.0
//
// The endpoint over loopback, on a port that the kernel picks.
#include "daemon/output/http.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <filesystem>

#include "daemon/base/unique_fd.h"

namespace fnshield {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

UniqueFd connect_to(std::uint16_t port, bool ipv6 = false)
{
    UniqueFd fd(socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int connected = -1;
    if (ipv6) {
        sockaddr_in6 to{};
        to.sin6_family = AF_INET6;
        to.sin6_port = htons(port);
        to.sin6_addr = in6addr_loopback;
        connected = connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    } else {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected = connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    EXPECT_EQ(connected, 0) << std::generic_category().message(errno);
    return fd;
}

// Sends, and reads until the server closes.
std::string exchange(const UniqueFd& fd, std::string_view request)
{
    EXPECT_EQ(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    std::string answer;
    char bytes[4096];
    for (ssize_t got = 0; (got = recv(fd.get(), bytes, sizeof bytes, 0)) > 0;)
        answer.append(bytes, static_cast<std::size_t>(got));
    return answer;
}

std::string request(std::uint16_t port, const std::string& method, const std::string& path, bool ipv6 = false)
{
    return exchange(connect_to(port, ipv6),
                    method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
}

class HttpTest : public ::testing::Test {
protected:
    Result<HttpServer> make(const std::string& address)
    {
        return HttpServer::make(address, {.metrics = [] { return std::string("fnshield_up 1\n"); },
                                          .ready = [this] { return health.check(5 * kSecond); }});
    }
    HttpServer serve(const std::string& address)
    {
        auto server = make(address);
        EXPECT_TRUE(server) << server.error().message;
        return std::move(*server);
    }
    Health health;
};

std::size_t threads()
{
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
        ++count;
    return count;
}

TEST_F(HttpTest, ServesMetrics)
{
    const HttpServer server = serve("127.0.0.1:0");
    ASSERT_NE(server.bound_port(), 0);
    const std::string answer = request(server.bound_port(), "GET", "/metrics");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nfnshield_up 1\n"));
}

TEST_F(HttpTest, IsHealthyAsSoonAsItAnswers)
{
    const HttpServer server = serve("127.0.0.1:0");
    EXPECT_THAT(request(server.bound_port(), "GET", "/-/healthy"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpTest, IsReadyOnlyWhenTheHealthSaysSo)
{
    const HttpServer server = serve("127.0.0.1:0");
    const std::string before = request(server.bound_port(), "GET", "/-/ready");
    EXPECT_THAT(before, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_THAT(before, HasSubstr("no policy is applied\n"));
    health.set_sensors(1, {});
    health.set_policy_applied(true);
    health.heartbeat(5 * kSecond);
    const std::string after = request(server.bound_port(), "GET", "/-/ready");
    EXPECT_THAT(after, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(after, EndsWith("ready\n"));
}

TEST_F(HttpTest, HeadHasTheHeadersOnly)
{
    const HttpServer server = serve("127.0.0.1:0");
    const std::string answer = request(server.bound_port(), "HEAD", "/metrics");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 14\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpTest, RefusesWhatItDoesNotHave)
{
    const HttpServer server = serve("127.0.0.1:0");
    for (const char* path : {"/", "/metrics/", "/metricsx", "/etc/passwd", "/-/", "/../etc/passwd"})
        EXPECT_THAT(request(server.bound_port(), "GET", path), StartsWith("HTTP/1.1 404 Not Found\r\n")) << path;
    const std::string post =
        exchange(connect_to(server.bound_port()),
                 "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_THAT(post, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
    EXPECT_THAT(post, HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(HttpTest, SurvivesGarbageAndHugeHeaders)
{
    const HttpServer server = serve("127.0.0.1:0");
    EXPECT_THAT(exchange(connect_to(server.bound_port()), std::string(100, '\x01') + "\r\n\r\n"),
                Not(HasSubstr(" 200 ")));
    const std::string huge = "GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + std::string(64 * 1024, 'x');
    const UniqueFd client = connect_to(server.bound_port());
    EXPECT_GT(send(client.get(), huge.data(), huge.size(), MSG_NOSIGNAL), 0);
    EXPECT_THAT(request(server.bound_port(), "GET", "/-/healthy"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpTest, ASlowClientDoesNotHoldTheOthersUp)
{
    const HttpServer server = serve("127.0.0.1:0");
    const UniqueFd slow = connect_to(server.bound_port());
    ASSERT_EQ(send(slow.get(), "GET /met", 8, MSG_NOSIGNAL), 8);
    EXPECT_THAT(request(server.bound_port(), "GET", "/-/healthy"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpTest, SpeaksIpv6)
{
    const HttpServer server = serve("[::1]:0");
    EXPECT_THAT(request(server.bound_port(), "GET", "/-/healthy", true), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpTest, TakesOneThreadAndGivesItBack)
{
    const std::size_t before = threads();
    {
        const HttpServer server = serve("127.0.0.1:0");
        EXPECT_EQ(threads(), before + 1);
        EXPECT_THAT(request(server.bound_port(), "GET", "/-/healthy"), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
    EXPECT_EQ(threads(), before);
}

TEST_F(HttpTest, APortInUseIsAClearErrorAndFreesItselfLater)
{
    std::string address;
    {
        const HttpServer first = serve("127.0.0.1:0");
        address = "127.0.0.1:" + std::to_string(first.bound_port());
        const auto second = make(address);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().message, "cannot listen on " + address + ": Address already in use");
        EXPECT_EQ(second.error().exit_code, ExitCode::failed);
        EXPECT_THAT(request(first.bound_port(), "GET", "/-/healthy"), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
    EXPECT_TRUE(make(address)) << "the port of a connection in TIME_WAIT must be free for a restart";
}

TEST_F(HttpTest, BadAddressesAreClearErrors)
{
    const std::pair<const char*, const char*> rows[] = {
        {"127.0.0.1", "not ADDRESS:PORT"},
        {"::1:80", "not ADDRESS:PORT"},
        {"127.0.0.1:http", "not ADDRESS:PORT"},
        {"127.0.0.1:65536", "not ADDRESS:PORT"},
        {"127.0.0.1:", "not ADDRESS:PORT"},
        {"", "not ADDRESS:PORT"},
        {"192.0.2.1:0", "Cannot assign requested address"},
    };
    for (const auto& [address, why] : rows) {
        const auto server = make(address);
        ASSERT_FALSE(server) << address;
        EXPECT_THAT(server.error().message,
                    AllOf(StartsWith("cannot listen on " + std::string(address) + ": "), HasSubstr(why)));
    }
}

}  // namespace
}  // namespace fnshield
