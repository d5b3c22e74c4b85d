// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <unordered_map>

#include "daemon/control/connection.h"
#include "daemon/control/history.h"
#include "daemon/control/protocol.h"
#include "daemon/control/report.h"
#include "daemon/control/run_dir.h"

namespace fnshield {

using control::Command;
using control::Connection;
using control::History;
using control::HistoryEntry;
using control::Request;
using Json = nlohmann::ordered_json;

struct ControlServer::State {
    State(EventLoop& loop_, ControlBackend& backend_, const Limits& limits_)
        : loop(loop_),
          backend(backend_),
          limits(limits_),
          events(limits_.history_events, limits_.history_event_bytes),
          alerts(limits_.history_alerts, limits_.history_alert_bytes),
          history_budget(limits_.history_events_per_second, limits_.history_burst)
    {
    }

    EventLoop& loop;
    ControlBackend& backend;
    Limits limits;
    UniqueFd lock;
    std::string path;
    std::optional<gid_t> group;
    UniqueFd listener;
    std::string warning;
    UniqueFd spare{::open("/dev/null", O_RDONLY | O_CLOEXEC)};

    std::unordered_map<int, std::unique_ptr<Connection>> clients;
    std::deque<int> in_order;  // of arrival
    History events;
    History alerts;
    control::RateBudget history_budget;
    std::bitset<static_cast<std::size_t>(EventKind::count_)> followed_kinds;
    std::uint64_t dropped_by_gone = 0;
    std::uint64_t refused = 0;

    void accept_clients();
    void refuse_without_descriptor();
    bool make_room();
    void on_ready(int fd, std::uint32_t ready);
    bool serve(Connection& client);
    bool handle(Connection& client, const std::string& line);
    bool may(const Connection& client, Command command) const;
    Result<std::string> answer(const Request& request);
    std::string history_answer(const Request& request) const;
    Result<std::string> show(const std::string& alert) const;
    bool start_following(Connection& client, const Request& request);
    void update(int fd);
    void drop(int fd);
    void refresh_followed_kinds();
    void publish(Command stream, const HistoryEntry& entry);
    std::size_t total_output() const;
};

namespace {

constexpr std::string_view kStreaming = R"({"ok":true,"data":{"following":true}})"
                                        "\n";

// The first entry that is recent enough.
auto begin_since(const History& history, const std::optional<Nanoseconds>& since_ns, Nanoseconds now_ns)
{
    const Nanoseconds from_ns = since_ns && *since_ns < now_ns ? now_ns - *since_ns : 0;
    return std::ranges::find_if(history.entries(), [&](const HistoryEntry& entry) { return entry.time_ns >= from_ns; });
}

void hang_up(int socket, std::string_view error)
{
    const std::string line = control::format_error(error);
    (void)::send(socket, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

void ControlServer::State::accept_clients()
{
    for (;;) {
        UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket && (errno == EMFILE || errno == ENFILE)) {
            refuse_without_descriptor();
            return;
        }
        if (!socket)
            return;
        const int fd = socket.get();
        auto peer = control::peer_of(fd, group);
        const bool known = peer && (peer->uid == 0 || peer->uid == ::geteuid() || peer->in_group);
        if (!known || !make_room()) {
            ++refused;
            hang_up(fd, known ? "too many clients (" + std::to_string(limits.clients) + "): close one that follows"
                              : "only root and members of the group fnshield may ask");
            continue;
        }
        if (!loop.add(fd, EPOLLIN, [this, fd](std::uint32_t ready) { on_ready(fd, ready); })) {
            ++refused;
            continue;
        }
        clients[fd] = std::make_unique<Connection>(std::move(socket), *peer, limits.output_bytes);
        in_order.push_back(fd);
    }
}

// With no descriptor left, the one kept for this takes the client and hangs up: left waiting, it would keep the loop
// spinning.
void ControlServer::State::refuse_without_descriptor()
{
    ++refused;
    spare.reset();
    UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)).reset();
    spare.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// Where all places are taken, the oldest client that neither follows nor waits for an answer gives up its own.
bool ControlServer::State::make_room()
{
    if (clients.size() < limits.clients)
        return true;
    const auto idle = std::ranges::find_if(in_order, [&](int fd) {
        const Connection& client = *clients.at(fd);
        return !client.follows && !client.has_output();
    });
    if (idle == in_order.end())
        return false;
    drop(*idle);
    return true;
}

void ControlServer::State::on_ready(int fd, std::uint32_t ready)
{
    const auto found = clients.find(fd);
    if (found == clients.end())
        return;
    Connection& client = *found->second;
    bool alive = (ready & (EPOLLHUP | EPOLLERR)) == 0;
    if (alive && (ready & EPOLLIN) != 0)
        alive = client.receive();
    if (alive && (ready & EPOLLOUT) != 0)
        alive = client.flush();
    if (alive && serve(client))
        update(fd);
    else
        drop(fd);
}

// Handles the requests that are here; a client that does not read its answers waits with the next. False = it is gone.
bool ControlServer::State::serve(Connection& client)
{
    while (!client.has_output()) {
        const auto line = client.next_line();
        if (!line)
            break;
        if (!handle(client, *line))
            return false;
    }
    return !client.finished();
}

bool ControlServer::State::may(const Connection& client, Command command) const
{
    return !control::changes_state(command) || client.peer().uid == 0 || client.peer().uid == ::geteuid();
}

bool ControlServer::State::handle(Connection& client, const std::string& line)
{
    if (line.size() > control::kMaxRequestBytes)
        client.close_after_output();
    auto request = control::parse_request(line);
    if (!request)
        return client.answer(control::format_error(request.error().message));
    if (!may(client, request->command))
        return client.answer(
            control::format_error("'" + std::string(control::command_name(request->command)) + "' is for root only"));
    if (request->follow)
        return start_following(client, *request);
    if (total_output() > limits.total_output_bytes)
        return client.answer(control::format_error("too many answers are waiting to be read: try again later"));
    auto answered = answer(*request);
    return client.answer(answered ? std::move(*answered) : control::format_error(answered.error().message));
}

Result<std::string> ControlServer::State::answer(const Request& request)
{
    switch (request.command) {
        case Command::status:
            return control::format_answer(control::status_json(backend));
        case Command::sandboxes:
            return control::format_answer(control::sandboxes_json(backend, request.filter));
        case Command::events:
        case Command::alerts:
            return history_answer(request);
        case Command::show:
            return show(request.alert);
        case Command::reload: {
            auto reloaded = backend.reload();
            if (!reloaded)
                return pass(std::move(reloaded));
            return control::format_answer(*reloaded);
        }
    }
    return fail("no such command");
}

std::string ControlServer::State::history_answer(const Request& request) const
{
    const History& history = request.command == Command::events ? events : alerts;
    std::string text = R"({"ok":true,"data":[)";
    std::uint64_t skipped = history.skipped_after_last();
    bool first = true;
    const auto end = history.entries().end();
    for (auto at = begin_since(history, request.filter.since_ns, backend.clock().boot_ns()); at != end; ++at) {
        skipped += at->skipped_before;
        if (!request.filter.matches(at->keys))
            continue;
        if (!std::exchange(first, false))
            text += ',';
        text.append(*at->line, 0, at->line->size() - 1);
    }
    return text + R"(],"not_kept":)" + std::to_string(skipped) + "}\n";
}

Result<std::string> ControlServer::State::show(const std::string& alert) const
{
    const HistoryEntry* found = nullptr;
    for (const HistoryEntry& entry : alerts.entries()) {
        if (!entry.id.starts_with(alert))
            continue;
        if (found != nullptr && entry.id != alert)
            return fail("more than one alert begins with '" + alert + "': give more of its id");
        found = &entry;
        if (entry.id == alert)
            break;
    }
    if (found == nullptr)
        return fail("no alert '" + alert.substr(0, 64) + "' among the last " + std::to_string(alerts.entries().size()) +
                    ": older ones are in the outputs that are configured");
    const auto text = backend.rule_text(found->keys.rule);
    Json rule = nullptr;
    if (text)
        rule = {{"short", text->short_text}, {"long", text->long_text}};
    return R"({"ok":true,"data":{"alert":)" + found->line->substr(0, found->line->size() - 1) + R"(,"rule":)" +
           rule.dump(-1, ' ', false, Json::error_handler_t::replace) + "}}\n";
}

bool ControlServer::State::start_following(Connection& client, const Request& request)
{
    if (client.follows)
        return client.answer(control::format_error("this connection follows a stream already: open another"));
    client.follows = request;
    refresh_followed_kinds();
    if (!client.answer(std::string(kStreaming)))
        return false;
    if (!request.filter.since_ns)
        return true;
    const History& history = request.command == Command::events ? events : alerts;
    const auto end = history.entries().end();
    for (auto at = begin_since(history, request.filter.since_ns, backend.clock().boot_ns()); at != end; ++at)
        if (request.filter.matches(at->keys) && !client.push(at->line))
            return false;
    return true;
}

void ControlServer::State::update(int fd)
{
    const Connection& client = *clients.at(fd);
    const std::uint32_t wanted = (client.reads() ? EPOLLIN : 0U) | (client.has_output() ? EPOLLOUT : 0U);
    if (!loop.modify(fd, wanted))
        drop(fd);
}

void ControlServer::State::drop(int fd)
{
    const auto found = clients.find(fd);
    if (found == clients.end())
        return;
    loop.remove(fd);
    dropped_by_gone += found->second->dropped();
    const bool followed = found->second->follows.has_value();
    clients.erase(found);
    std::erase(in_order, fd);
    if (followed)
        refresh_followed_kinds();
}

void ControlServer::State::refresh_followed_kinds()
{
    followed_kinds.reset();
    for (const auto& [fd, client] : clients) {
        if (!client->follows || client->follows->command != Command::events)
            continue;
        for (std::size_t kind = 0; kind < static_cast<std::size_t>(control::kFirstInternalKind); ++kind)
            if (control::kind_matches(client->follows->filter.kind, event_kind_name(static_cast<EventKind>(kind))))
                followed_kinds.set(kind);
    }
}

void ControlServer::State::publish(Command stream, const HistoryEntry& entry)
{
    std::vector<int> gone;
    for (const auto& [fd, client] : clients) {
        if (!client->follows || client->follows->command != stream || !client->follows->filter.matches(entry.keys))
            continue;
        const bool had_output = client->has_output();
        if (!client->push(entry.line) || (!had_output && client->has_output() && !loop.modify(fd, EPOLLOUT)))
            gone.push_back(fd);
    }
    std::ranges::for_each(gone, [this](int fd) { drop(fd); });
}

std::size_t ControlServer::State::total_output() const
{
    std::size_t bytes = 0;
    for (const auto& [fd, client] : clients)
        bytes += client->output_bytes();
    return bytes;
}

ControlServer::ControlServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

ControlServer::~ControlServer()
{
    state_->loop.remove(state_->listener.get());
    while (!state_->in_order.empty()) {
        (void)state_->clients.at(state_->in_order.front())->flush();
        state_->drop(state_->in_order.front());
    }
    ::unlink(state_->path.c_str());
}

Result<std::unique_ptr<ControlServer>> ControlServer::make(EventLoop& loop, const std::string& run_dir,
                                                           ControlBackend& backend, const Limits& limits,
                                                           const std::string& group)
{
    auto state = std::make_unique<State>(loop, backend, limits);
    auto lock = control::lock_run_dir(run_dir);
    if (!lock)
        return pass(std::move(lock));
    state->lock = std::move(*lock);
    state->group = control::find_group(group);
    state->path = run_dir + "/" + std::string(control::kSocketName);
    auto listener = control::listen_at(state->path, state->group);
    if (!listener)
        return pass(std::move(listener));
    state->listener = std::move(listener->socket);
    state->warning = std::move(listener->warning);
    State* const serving = state.get();
    if (auto added = loop.add(state->listener.get(), EPOLLIN, [serving](std::uint32_t) { serving->accept_clients(); });
        !added)
        return pass(std::move(added), "control socket");
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

const std::string& ControlServer::warning() const
{
    return state_->warning;
}

bool ControlServer::wants_events() const
{
    return state_->followed_kinds.any();
}

bool ControlServer::wants_event(const Event& event)
{
    if (event.kind >= control::kFirstInternalKind)
        return false;
    if (state_->followed_kinds.test(static_cast<std::size_t>(event.kind)) || state_->history_budget.take(event.time_ns))
        return true;
    state_->events.count_skipped();
    return false;
}

void ControlServer::publish_event(const Event& event, const Json& rendered)
{
    HistoryEntry entry{.id = {},
                       .time_ns = event.time_ns,
                       .keys = control::match_keys(rendered),
                       .line = std::make_shared<const std::string>(control::format_line(rendered)),
                       .skipped_before = 0};
    state_->publish(Command::events, entry);
    state_->events.add(std::move(entry));
}

void ControlServer::publish_alert(Nanoseconds time_ns, const Json& rendered)
{
    HistoryEntry entry{.id = rendered.value("id", std::string()),
                       .time_ns = time_ns,
                       .keys = control::match_keys(rendered),
                       .line = std::make_shared<const std::string>(control::format_line(rendered)),
                       .skipped_before = 0};
    state_->publish(Command::alerts, entry);
    state_->alerts.add(std::move(entry));
}

ControlServer::Stats ControlServer::stats() const
{
    Stats stats{.clients = state_->clients.size(),
                .dropped_lines = state_->dropped_by_gone,
                .refused_clients = state_->refused};
    for (const auto& [fd, client] : state_->clients)
        stats.dropped_lines += client->dropped();
    return stats;
}

}  // namespace fnshield
