// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/cpu_usage.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "daemon/base/read_beginning.h"

namespace fnshield {
namespace {

constexpr int kNoNumber = EBADMSG;
constexpr Nanoseconds kUsec = 1000;
constexpr std::size_t kFileBytes = 1024;  // the few lines that are looked for stand within them

template <typename Number>
std::optional<Number> number_at(std::string_view text)
{
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || (end != text.data() + text.size() && *end != '\n' && *end != ' '))
        return std::nullopt;
    return number;
}

// "usage_usec 12345", a line of cpu.stat
std::optional<Nanoseconds> usage_in(std::string_view stat)
{
    constexpr std::string_view kName = "usage_usec ";
    const auto at = stat.starts_with(kName) ? 0 : stat.find("\nusage_usec ");
    if (at == std::string_view::npos)
        return std::nullopt;
    const auto usec = number_at<std::uint64_t>(stat.substr(stat.find(' ', at) + 1));
    return usec && *usec < UINT64_MAX / kUsec ? std::optional(*usec * kUsec) : std::nullopt;
}

std::optional<double> share(std::optional<std::int64_t> quota, std::optional<std::int64_t> period)
{
    if (!quota || !period || *quota <= 0 || *period <= 0)
        return std::nullopt;  // "max", and −1 in v1: none
    return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> v2_limit(const std::string& directory)
{
    const std::string text = read_beginning(directory + "/cpu.max", kFileBytes);  // "50000 100000"
    const auto space = text.find(' ');
    if (space == std::string::npos)
        return std::nullopt;
    return share(number_at<std::int64_t>(text), number_at<std::int64_t>(std::string_view(text).substr(space + 1)));
}

std::optional<double> v1_limit(const std::string& directory)
{
    return share(number_at<std::int64_t>(read_beginning(directory + "/cpu.cfs_quota_us", kFileBytes)),
                 number_at<std::int64_t>(read_beginning(directory + "/cpu.cfs_period_us", kFileBytes)));
}

std::optional<double> lesser(std::optional<double> a, std::optional<double> b)
{
    return a && b ? std::min(*a, *b) : (a ? a : b);
}

}  // namespace

std::vector<CpuUsage::Due> CpuUsage::due(const Model& model, Nanoseconds now_ns) const
{
    std::vector<Due> all;
    model.for_each_sandbox([&](const Sandbox& sandbox) {
        if (!sandbox.started_ns && !sandbox.adopted)
            return;
        if (sandbox.state == SandboxState::gone || sandbox.cgroup.empty())
            return;
        const auto taken = taken_.find(sandbox.id);
        const Nanoseconds read_ns = taken == taken_.end() ? 0 : taken->second.read_ns;
        if (read_ns == 0 || now_ns >= read_ns + kPeriod)
            all.push_back({.read_ns = read_ns, .sandbox = &sandbox});
    });
    if (all.size() > kAtOnce) {
        std::ranges::nth_element(all, all.begin() + kAtOnce, {}, &Due::read_ns);
        all.resize(kAtOnce);
    }
    return all;
}

std::vector<Event> CpuUsage::read(const Model& model, Nanoseconds now_ns)
{
    std::vector<Event> events;
    for (const Due& one : due(model, now_ns))
        if (auto event = read_one(*one.sandbox, now_ns))
            events.push_back(std::move(*event));
    return events;
}

std::optional<Event> CpuUsage::read_one(const Sandbox& sandbox, Nanoseconds now_ns)
{
    Taken& taken = taken_[sandbox.id];
    const Nanoseconds before_ns = std::exchange(taken.read_ns, now_ns);
    const std::string file = cgroup2_mount_ + sandbox.cgroup + "/cpu.stat";
    const std::string stat = read_beginning(file, kFileBytes);
    const int unread = stat.empty() ? errno : 0;
    const auto now_taken = usage_in(stat);
    if (!now_taken) {
        count_failure(file, unread != 0 ? unread : kNoNumber);
        return std::nullopt;
    }
    if (taken.limit_read_ns == 0 || now_ns >= taken.limit_read_ns + kLimitPeriod) {
        taken.limit = limit_of(sandbox.cgroup);
        taken.limit_read_ns = now_ns;
    }
    const auto before_taken = std::exchange(taken.cpu_ns, *now_taken);
    if (!before_taken || *now_taken < *before_taken || now_ns <= before_ns)
        return std::nullopt;  // less than before: another cgroup has the path now
    Event event;
    event.kind = EventKind::usage;
    event.time_ns = now_ns;
    event.sandbox = sandbox.id;
    event.body =
        UsageBody{.cpu_ns = *now_taken - *before_taken, .period_ns = now_ns - before_ns, .cpu_limit = taken.limit};
    return event;
}

std::optional<double> CpuUsage::limit_of(const std::string& cgroup) const
{
    std::optional<double> least;
    for (std::string path = cgroup; !path.empty(); path.resize(path.rfind('/'))) {
        least = lesser(least, v2_limit(cgroup2_mount_ + path));
        if (v1_cpu_mount_)
            least = lesser(least, v1_limit(*v1_cpu_mount_ + path));
        if (!path.starts_with('/'))
            break;
    }
    return least;
}

void CpuUsage::count_failure(const std::string& file, int code)
{
    ++failures_;
    const bool is_gone = code == ENOENT || code == ENODEV;
    if (!is_gone && failures_told_.insert(code).second)
        problems_.push_back("CPU time is not known: " + file + ": " + std::generic_category().message(code));
}

}  // namespace fnshield
