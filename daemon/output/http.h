// SPDX-License-Identifier: Apache-2.0
//
// /metrics, /-/healthy and /-/ready for Prometheus and for probes. libmicrohttpd does the HTTP in one thread of its
// own, with bounds on connections, on memory for each and on idle time. (civetweb, which prometheus-cpp's Exposer
// brings, is built without IPv6 in Debian, gives no reason when it cannot listen, and takes a thread for each slow
// client.)
//
// The thread starts with all signals blocked, and with the capabilities of the thread that makes the server: make it
// after dropping those.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "daemon/base/result.h"
#include "daemon/output/health.h"

struct MHD_Daemon;

namespace fnshield {

class HttpServer {
public:
    // Called in the server's thread, so they have to be thread-safe and to outlive the server.
    struct Sources {
        std::function<std::string()> metrics;  // text exposition
        std::function<Health::Verdict()> ready;
    };

    // address: "127.0.0.1:9938", "[::1]:9938", "localhost:9938", ":9938" (any); port 0 takes a free one. Fails with
    // "cannot listen on ADDRESS: why".
    [[nodiscard]] static Result<HttpServer> make(const std::string& address, Sources sources);

    [[nodiscard]] std::uint16_t bound_port() const { return port_; }

private:
    struct Stop {
        void operator()(MHD_Daemon* daemon) const;  // waits for the thread
    };

    HttpServer() = default;

    std::unique_ptr<Sources> sources_;  // its address is the handler's context
    std::unique_ptr<MHD_Daemon, Stop> daemon_;
    std::uint16_t port_ = 0;
};

}  // namespace fnshield
