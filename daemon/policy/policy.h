// SPDX-License-Identifier: Apache-2.0
//
// A policy after parsing, extending and checking: plain data that detectors read. Immutable once made; shared by
// pointer, so a sandbox keeps the policy that it had until the reload is complete.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/time.h"
#include "daemon/model/event.h"

namespace fnshield {

enum class Severity : std::uint8_t { low, medium, high, critical };
enum class Action : std::uint8_t { alert, deny, kill, freeze, off };

[[nodiscard]] std::string_view severity_name(Severity severity);
[[nodiscard]] std::string_view action_name(Action action);

struct ReadyRule {
    enum class Kind : std::uint8_t { listen, first_response, connect };
    Kind kind = Kind::listen;
    std::uint16_t port = 0;  // listen:PORT; 0 = any
    Endpoint address;        // connect:ADDR:PORT
};

struct Cidr {
    Endpoint base;  // port unused
    std::uint8_t prefix_bits = 0;
    [[nodiscard]] bool contains(const Endpoint& endpoint) const;
};

// One row of an egress list: a network or a name, and the ports (empty = all).
struct EgressRule {
    std::optional<Cidr> cidr;
    std::string dns;  // glob over the name; empty where cidr is given
    std::vector<std::uint16_t> ports;
};

// What becomes of an action that cannot be done here: the policy is refused, or only alerts and says so.
enum class OnUnsupported : std::uint8_t { error, alert };

struct RuleSetting {
    std::optional<Action> action;
    std::optional<Severity> severity;
    std::optional<OnUnsupported> on_unsupported;
};

struct Policy {
    std::string name = "default";
    std::string file;  // where it was read from; empty = built in

    struct Match {
        std::string platform = "*";
        std::string tenant = "*";
        std::string function = "*";
    } match;

    ReadyRule ready;

    struct ColdStart {
        std::optional<Nanoseconds> budget_ns;
        std::uint32_t storm_count = 50;
        Nanoseconds storm_window_ns = 10 * kSecond;
    } cold_start;

    // Absent = not restricted; empty = nothing allowed. Globs over paths; ** crosses '/'.
    struct Exec {
        std::optional<std::vector<std::string>> init;
        std::optional<std::vector<std::string>> warm;
    } exec;

    struct Egress {
        std::optional<std::vector<EgressRule>> init;
        std::optional<std::vector<EgressRule>> warm;
        bool metadata_service_allowed = false;
        // Where DNS may go although no list names it: port 53 of these networks only, not port 53 of the world, which
        // is a classic way out. `egress.resolvers`, or the node's own (/etc/resolv.conf) where the policy has no such
        // key.
        std::vector<Cidr> resolvers;
    } egress;

    struct Files {
        std::vector<std::string> models;
        std::vector<std::string> secrets;
        std::vector<std::string> code;
        // All that may be run, or mapped executable from outside of the image. Absent = not restricted.
        std::optional<std::vector<std::string>> executables;
    } files;

    struct Memory {
        // Who may read this one's memory, globs: "resize" (a function of the same tenant), "acme/resize" (of that
        // tenant), "/usr/bin/gdb" (a host program's path). Absent = any host program, no other sandbox.
        std::optional<std::vector<std::string>> allow_from;
    } memory;

    std::map<std::string, RuleSetting, std::less<>> rules;

    [[nodiscard]] Action action_for(std::string_view rule) const;
    [[nodiscard]] Severity severity_for(std::string_view rule, Severity otherwise) const;
};

// fnmatch-like: * within a segment, ** across '/', "**/" any number of folders (none included), ? one character but
// '/'. No brackets. Time is at most pattern × text.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace fnshield
