// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/http.h"

#include <microhttpd.h>
#include <pthread.h>

#include <array>
#include <csignal>
#include <string_view>

#include "daemon/output/listen_socket.h"

namespace fnshield {
namespace {

constexpr unsigned kMaxConnections = 32;
constexpr unsigned kIdleSeconds = 5;
constexpr std::size_t kConnectionBytes = 16 * 1024;  // for the request and its headers

struct Answer {
    unsigned status;
    std::string body;
    const char* type = "text/plain; charset=utf-8";
};

using Handler = Answer (*)(const HttpServer::Sources&);

Answer metrics(const HttpServer::Sources& sources)
{
    return {MHD_HTTP_OK, sources.metrics(), "text/plain; version=0.0.4; charset=utf-8"};
}

Answer healthy(const HttpServer::Sources&)
{
    return {MHD_HTTP_OK, "healthy\n"};
}

Answer ready(const HttpServer::Sources& sources)
{
    const Health::Verdict verdict = sources.ready();
    if (verdict.ready)
        return {MHD_HTTP_OK, "ready\n"};
    std::string why = "not ready\n";
    for (const std::string& reason : verdict.reasons)
        why += reason + "\n";
    return {MHD_HTTP_SERVICE_UNAVAILABLE, std::move(why)};
}

struct Route {
    std::string_view path;
    Handler handler;
};

constexpr auto kRoutes = std::to_array<Route>({{"/metrics", &metrics}, {"/-/healthy", &healthy}, {"/-/ready", &ready}});

Answer answer(const HttpServer::Sources& sources, std::string_view path, std::string_view method)
{
    for (const Route& route : kRoutes) {
        if (route.path != path)
            continue;
        if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD)
            return {MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD only\n"};
        return route.handler(sources);
    }
    return {MHD_HTTP_NOT_FOUND, "not found; there are /metrics, /-/healthy and /-/ready\n"};
}

MHD_Result send(MHD_Connection* connection, Answer&& answer)
{
    MHD_Response* response =
        MHD_create_response_from_buffer(answer.body.size(), answer.body.data(), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    const MHD_Result queued = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return queued;
}

// Called once with the headers, then again when the (empty) body is complete; a body that is sent is thrown away.
MHD_Result on_request(void* context, MHD_Connection* connection, const char* url, const char* method, const char*,
                      const char*, std::size_t* upload_bytes, void** request)
{
    static char seen;
    if (*request == nullptr) {
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_bytes != 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    try {
        return send(connection, answer(*static_cast<const HttpServer::Sources*>(context), url, method));
    } catch (...) {  // out of memory: it may not pass through the library, which is C
        return MHD_NO;
    }
}

void say_nothing(void*, const char*, va_list) {}

// Signals are the loop's: a thread that is started while this lives takes none.
class AllSignalsBlocked {
public:
    AllSignalsBlocked()
    {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

}  // namespace

void HttpServer::Stop::operator()(MHD_Daemon* daemon) const
{
    MHD_stop_daemon(daemon);  // closes the socket as well
}

Result<HttpServer> HttpServer::make(const std::string& address, Sources sources)
{
    auto socket = listen_on(address);
    if (!socket)
        return pass(std::move(socket));
    HttpServer server;
    server.port_ = socket->port;
    server.sources_ = std::make_unique<Sources>(std::move(sources));
    const AllSignalsBlocked blocked;
    server.daemon_.reset(MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, nullptr, nullptr, &on_request, server.sources_.get(),
        MHD_OPTION_EXTERNAL_LOGGER, &say_nothing, nullptr, MHD_OPTION_LISTEN_SOCKET, socket->fd.get(),
        MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes, MHD_OPTION_END));
    if (!server.daemon_)
        return fail_errno("cannot start the HTTP server on " + address);
    (void)socket->fd.release();  // the server's now
    return server;
}

}  // namespace fnshield
