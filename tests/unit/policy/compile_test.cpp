// SPDX-License-Identifier: Apache-2.0
//
// Policies as the kernel reads them: a model of its look-ups over the compiled rows gives the answers of the matchers
// that the detectors use.
#include "daemon/policy/compile.h"

#include <gmock/gmock.h>

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "daemon/detect/detector.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/exec_match.h"
#include "daemon/policy/guards.h"
#include "daemon/policy/values.h"

namespace fnshield {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kNumber = 7;

bool begins(const void* a, const void* b, std::uint32_t bits)
{
    const auto* x = static_cast<const unsigned char*>(a);
    const auto* y = static_cast<const unsigned char*>(b);
    for (std::uint32_t bit = 0; bit < bits; ++bit)
        if (((x[bit / 8] ^ y[bit / 8]) & (0x80U >> (bit % 8))) != 0)
            return false;
    return true;
}

// What an LPM trie does: the longest row that begins the key.
template <typename Key, typename Value>
const Value* longest(const std::vector<std::pair<Key, Value>>& rows, const Key& key)
{
    const std::pair<Key, Value>* best = nullptr;
    for (const auto& row : rows)
        if (row.first.prefix_bits <= key.prefix_bits && (!best || row.first.prefix_bits > best->first.prefix_bits) &&
            begins(reinterpret_cast<const char*>(&row.first) + 4, reinterpret_cast<const char*>(&key) + 4,
                   row.first.prefix_bits))
            best = &row;
    return best ? &best->second : nullptr;
}

// bpf/lib/listed_path.bpf.h, fns_is_listed.
bool kernel_lists(const CompiledPolicy& compiled, fns_list list, const std::string& path)
{
    fns_path_key key{};
    key.policy_id = kNumber;
    key.list = list;
    path.copy(key.path, sizeof key.path);
    const std::size_t last_segment = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
    std::size_t bytes = std::min(path.size(), sizeof key.path);
    for (int turn = 0; turn < FNS_SHORTER_ROWS; ++turn) {
        key.prefix_bits = static_cast<std::uint32_t>(FNS_PATH_KEY_BITS(bytes));
        const fns_path_value* row = longest(compiled.paths, key);
        if (!row)
            return false;
        if (row->tails & FNS_TAIL_ANY || (row->tails & FNS_TAIL_NONE && row->prefix_bytes == path.size()) ||
            (row->tails & FNS_TAIL_SEGMENT && last_segment <= row->prefix_bytes))
            return true;
        bytes = row->shorter_bytes;
        if (bytes == 0)
            return false;
    }
    return false;
}

Policy exec_policy(std::vector<std::string> globs)
{
    Policy policy;
    policy.exec.warm = globs;
    policy.files.models = std::move(globs);
    policy.rules["function.unexpected_exec"].action = Action::kill;
    policy.rules["model.tampered"].action = Action::deny;
    return policy;
}

// Every list of one or two of these, and some longer ones, on every path.
const std::vector<std::string> kGlobs{
    "/bin/sh",     "/bin/*",     "/usr/bin/**", "/usr/bin/python3*", "/usr/**",   "/usr/*", "/**",       "/*",
    "/u**",        "/b**",       "/usr/b*",     "/usr/bin**",        "/app/**",   "/app/*", "/app/run*", "/app/run.sh",
    "/usr/sbin/*", "/sbin/init", "/bin/",       "/bin/***",          "/models/m", "**",     "/usr/bin/", "/usr/sbin**"};

const std::vector<std::string> kPaths{"/bin/sh",
                                      "/usr/bin/sh",
                                      "/usr/bin/python3",
                                      "/usr/bin/python3.11",
                                      "/bin/python3.11",
                                      "/usr/bin/python3/x",
                                      "/usr/sbin/init",
                                      "/sbin/init",
                                      "/sbin/x/y",
                                      "/usr",
                                      "/usr/",
                                      "/usr/lib/x",
                                      "/bin",
                                      "/bin/",
                                      "/bin/a/b",
                                      "/app/run",
                                      "/app/run.sh",
                                      "/app/run.sh/x",
                                      "/app/",
                                      "/app",
                                      "/",
                                      "relative/end",
                                      "sh",
                                      "/tmp/x",
                                      "/usr/bin/" + std::string(300, 'a'),
                                      "/usr/bin/" + std::string(150, 'a') + "/" + std::string(150, 'b'),
                                      "/app/" + std::string(235, 'a') + "/x"};

void expect_same_answers(const std::vector<std::string>& globs)
{
    const CompiledPolicy compiled = compile(exec_policy(globs), Mode::enforce, kNumber);
    ASSERT_THAT(compiled.unsupported, IsEmpty());
    for (const std::string& path : kPaths) {
        EXPECT_EQ(kernel_lists(compiled, FNS_LIST_EXEC_WARM, path), detect::lists_program(globs, path))
            << path << " in " << ::testing::PrintToString(globs);
        EXPECT_EQ(kernel_lists(compiled, FNS_LIST_MODELS, path),
                  std::ranges::any_of(globs, [&](const auto& glob) { return glob_match(glob, path); }))
            << path << " in " << ::testing::PrintToString(globs);
    }
}

TEST(Compile, ListsOfPathsAnswerAsTheMatchersDo)
{
    expect_same_answers({});
    for (const std::string& one : kGlobs) {
        expect_same_answers({one});
        for (const std::string& other : kGlobs)
            expect_same_answers({one, other});
    }
    expect_same_answers({"/app/run.sh", "/app/*", "/**", "/bin/sh"});
    expect_same_answers({"/app/run.sh", "/app/run*", "/app/*", "/bin/sh", "/usr/sbin/*"});
}

TEST(Compile, AnEmptyListIsThereAndAnAbsentOneIsNot)
{
    Policy policy;
    policy.exec.warm.emplace();
    const CompiledPolicy compiled = compile(policy, Mode::monitor, kNumber);
    EXPECT_TRUE(compiled.head.lists & 1U << FNS_LIST_EXEC_WARM);
    EXPECT_FALSE(compiled.head.lists & 1U << FNS_LIST_EXEC_INIT);
    EXPECT_FALSE(compiled.head.lists & 1U << FNS_LIST_MODELS);
    EXPECT_THAT(compiled.paths, IsEmpty());
}

TEST(Compile, AGlobThatTheKernelCannotDecideIsSaid)
{
    for (const std::string glob : {"/usr/*/sh", "**/sh", "/bin/?sh", "/a/**/z", "/bin/s?"}) {
        Policy policy = exec_policy({"/bin/true", glob});
        const CompiledPolicy acting = compile(policy, Mode::enforce, kNumber);
        ASSERT_THAT(acting.unsupported, SizeIs(2)) << glob;  // it stands in two lists
        EXPECT_EQ(acting.unsupported[0].rule, "function.unexpected_exec");
        EXPECT_EQ(acting.unsupported[0].list, "exec.warm");
        EXPECT_EQ(acting.unsupported[0].index, 1U);
        EXPECT_THAT(acting.unsupported[0].reason, HasSubstr(glob));
        // Where it only alerts, user space decides alone.
        policy.rules.clear();
        const CompiledPolicy alerting = compile(policy, Mode::enforce, kNumber);
        EXPECT_THAT(alerting.unsupported, IsEmpty()) << glob;
        EXPECT_FALSE(alerting.head.lists & 1U << FNS_LIST_EXEC_WARM) << glob;
        EXPECT_THAT(alerting.paths, IsEmpty()) << glob;
    }
}

TEST(Compile, MoreThanTheTablesHoldIsSaid)
{
    EXPECT_THAT(compile(exec_policy({"/" + std::string(240, 'a')}), Mode::enforce, kNumber).unsupported, SizeIs(2));
    std::vector<std::string> nested;
    for (int i = 1; i <= FNS_SHORTER_ROWS; ++i)
        nested.push_back("/" + std::string(static_cast<std::size_t>(i), 'a'));
    EXPECT_THAT(compile(exec_policy(nested), Mode::enforce, kNumber).unsupported, IsEmpty());
    expect_same_answers(nested);
    nested.push_back("/" + std::string(FNS_SHORTER_ROWS + 1, 'a'));
    EXPECT_THAT(compile(exec_policy(nested), Mode::enforce, kNumber).unsupported, SizeIs(2));
}

TEST(Compile, DenyOfARuleThatNoHookCanRefuseIsSaid)
{
    Policy policy;
    policy.rules["coldstart.slow"].action = Action::deny;
    policy.rules["coldstart.storm"].action = Action::kill;
    policy.rules["health.loss"].action = Action::freeze;
    policy.rules["isolation.ptrace"].action = Action::deny;
    const CompiledPolicy compiled = compile(policy, Mode::monitor, kNumber);
    ASSERT_THAT(compiled.unsupported, SizeIs(1));
    EXPECT_EQ(compiled.unsupported[0].rule, "coldstart.slow");
    EXPECT_EQ(compiled.unsupported[0].list, "");
}

TEST(Compile, ActionsByPhaseAndFlags)
{
    Policy policy;
    policy.rules["coldstart.init_exec"].action = Action::deny;
    policy.rules["function.unexpected_exec"].action = Action::kill;
    policy.rules["isolation.memory_read"].action = Action::freeze;
    policy.rules["isolation.ptrace"].action = Action::off;
    policy.ready = {.kind = ReadyRule::Kind::listen, .port = 8080};
    policy.memory.allow_from.emplace();
    const fns_policy head = compile(policy, Mode::enforce, kNumber).head;
    EXPECT_EQ(head.action[FNS_PHASE_INIT][FNS_GUARD_EXEC], FNS_ACTION_DENY);
    EXPECT_EQ(head.action[FNS_PHASE_WARM][FNS_GUARD_EXEC], FNS_ACTION_KILL);
    EXPECT_EQ(head.action[FNS_PHASE_WARM][FNS_GUARD_MEMORY_READ], FNS_ACTION_FREEZE);
    EXPECT_EQ(head.action[FNS_PHASE_WARM][FNS_GUARD_PTRACE], FNS_ACTION_NONE);
    EXPECT_EQ(head.flags,
              static_cast<std::uint32_t>(FNS_POLICY_ENFORCE | FNS_POLICY_READY_BY_LISTEN | FNS_POLICY_MEMORY_LISTED));
    EXPECT_EQ(head.ready_port, 8080);
    policy.ready = {.kind = ReadyRule::Kind::first_response};
    policy.memory.allow_from.reset();
    policy.egress.metadata_service_allowed = true;
    EXPECT_EQ(compile(policy, Mode::monitor, kNumber).head.flags,
              static_cast<std::uint32_t>(FNS_POLICY_METADATA_ALLOWED));
}

// --- networks ---

EgressRule network(std::string_view cidr, std::vector<std::uint16_t> ports = {})
{
    return {.cidr = *parse_cidr(cidr), .dns = {}, .ports = std::move(ports)};
}

Endpoint endpoint(std::string_view address, std::uint16_t port)
{
    Endpoint made = *parse_address(address);
    made.port = port;
    return made;
}

bool kernel_lists(const CompiledPolicy& compiled, fns_list list, const Endpoint& remote)
{
    fns_network_key key{};
    key.prefix_bits = FNS_NETWORK_KEY_BITS(128);
    key.policy_id = kNumber;
    key.list = list;
    if (remote.family == AF_INET) {
        key.address[10] = key.address[11] = 0xff;
        std::copy_n(remote.address.begin(), 4, key.address + 12);
    } else {
        std::ranges::copy(remote.address, key.address);
    }
    const fns_ports* ports = longest(compiled.networks, key);
    if (!ports)
        return false;
    const auto* end = ports->port_be + ports->count;
    return ports->count == 0 || std::find(ports->port_be, end, __builtin_bswap16(remote.port)) != end;
}

TEST(Compile, NetworksAnswerAsTheMatcherDoes)
{
    const std::vector<EgressRule> kNetworks{network("10.0.0.0/8", {443}),  network("10.20.0.0/16", {5432}),
                                            network("10.20.1.0/24"),       network("0.0.0.0/0", {53}),
                                            network("192.0.2.7"),          network("::/0", {80}),
                                            network("2001:db8::/32"),      network("2001:db8::1", {22}),
                                            network("::ffff:10.0.0.0/104")};
    const char* const kAddresses[] = {"10.1.2.3",  "10.20.1.1",   "10.20.9.9",        "192.0.2.7",     "8.8.8.8",
                                      "127.0.0.1", "2001:db8::1", "::ffff:10.20.1.1", "2001:db8::2:3", "fe80::1"};
    const auto same = [&](const std::vector<EgressRule>& rules) {
        Policy policy;
        policy.egress.warm = rules;
        const CompiledPolicy compiled = compile(policy, Mode::enforce, kNumber);
        for (const char* const address : kAddresses)
            for (const std::uint16_t port : {22, 53, 80, 443, 5432, 9999})
                EXPECT_EQ(kernel_lists(compiled, FNS_LIST_EGRESS_WARM, endpoint(address, port)),
                          detect::lists_address(rules, endpoint(address, port)))
                    << address << " " << port << " of " << rules.size();
    };
    for (const EgressRule& one : kNetworks)
        for (const EgressRule& other : kNetworks)
            same({one, other});
    same(kNetworks);
    same({});
}

TEST(Compile, TooManyPortsOfOneNetworkAreSaid)
{
    Policy policy;
    std::vector<std::uint16_t> ports;
    for (std::uint16_t port = 1; port <= FNS_LISTED_PORTS; ++port)
        ports.push_back(port);
    policy.egress.warm = {network("10.1.0.0/16", ports), network("10.0.0.0/8", {1})};
    policy.rules["function.unexpected_egress"].action = Action::deny;
    EXPECT_THAT(compile(policy, Mode::enforce, kNumber).unsupported, IsEmpty());
    policy.egress.warm->back().ports = {9999};
    const CompiledPolicy compiled = compile(policy, Mode::enforce, kNumber);
    ASSERT_THAT(compiled.unsupported, SizeIs(1));
    EXPECT_EQ(compiled.unsupported[0].list, "egress.warm");
    EXPECT_EQ(compiled.unsupported[0].index, 0U);
}

TEST(Compile, ResolversTakeNothingButDns)
{
    Policy policy;
    policy.egress.resolvers = {*parse_cidr("10.0.0.53")};
    const CompiledPolicy compiled = compile(policy, Mode::enforce, kNumber);
    for (const std::uint16_t port : {53, 80, 853})
        EXPECT_EQ(kernel_lists(compiled, FNS_LIST_RESOLVERS, endpoint("10.0.0.53", port)),
                  detect::is_declared_resolver(policy, endpoint("10.0.0.53", port)));
}

// --- guards ---

TEST(Guards, EachHasItsRulesAndEachRuleItsGuard)
{
    for (std::uint32_t number = 1; number < FNS_GUARD_COUNT; ++number) {
        const auto guard = static_cast<fns_guard>(number);
        for (const fns_phase phase : {FNS_PHASE_INIT, FNS_PHASE_WARM}) {
            const std::string_view rule = rule_of(guard, phase);
            EXPECT_TRUE(is_known_rule(rule)) << number << " " << rule;
            EXPECT_EQ(guard_of(rule), guard) << rule;
        }
    }
    EXPECT_EQ(rule_of(FNS_GUARD_EXEC, FNS_PHASE_INIT), "coldstart.init_exec");
    EXPECT_EQ(rule_of(FNS_GUARD_EXEC, FNS_PHASE_WARM), "function.unexpected_exec");
    EXPECT_EQ(rule_of(FNS_GUARD_NONE, FNS_PHASE_WARM), "");
    EXPECT_EQ(guard_of("coldstart.slow"), std::nullopt);
}

TEST(Guards, WhatIsDeniedByKillWhereNothingCanRefuse)
{
    Policy policy;
    policy.rules["function.unexpected_exec"].action = Action::deny;
    policy.rules["function.unexpected_egress"].action = Action::deny;
    policy.rules["isolation.mount"].action = Action::kill;
    EXPECT_THAT(denied_by_kill(policy), ElementsAre("exec"));
}

}  // namespace
}  // namespace fnshield
