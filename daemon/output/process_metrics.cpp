// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

namespace fnshield {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily single(std::string name, std::string help, MetricType type, double value)
{
    prometheus::ClientMetric metric;
    if (type == MetricType::Counter)
        metric.counter.value = value;
    else
        metric.gauge.value = value;
    return {.name = std::move(name), .help = std::move(help), .type = type, .metric = {std::move(metric)}};
}

struct Stat {
    double cpu_seconds = 0;
    double threads = 0;
    double start_ticks = 0;
    double virtual_bytes = 0;
    double resident_pages = 0;
};

// proc(5), /proc/PID/stat; the second field is the name in brackets and may hold anything.
std::optional<Stat> read_stat()
{
    std::ifstream file("/proc/self/stat");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    const auto bracket = line.rfind(')');
    if (bracket == std::string::npos)
        return std::nullopt;
    std::istringstream rest(line.substr(bracket + 2));
    const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
    constexpr std::size_t kFirst = 3;  // number of fields[0] in proc(5)
    if (fields.size() <= 24 - kFirst)
        return std::nullopt;
    const auto number = [&](std::size_t field) { return std::strtod(fields[field - kFirst].c_str(), nullptr); };
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    return Stat{.cpu_seconds = (number(14) + number(15)) / ticks,
                .threads = number(20),
                .start_ticks = number(22),
                .virtual_bytes = number(23),
                .resident_pages = number(24)};
}

// When the system was booted, Unix seconds.
std::optional<double> read_boot_time()
{
    std::ifstream file("/proc/stat");
    for (std::string word; file >> word;)
        if (double seconds = 0; word == "btime" && file >> seconds)
            return seconds;
    return std::nullopt;
}

std::optional<double> count_open_files()
{
    std::error_code error;
    std::filesystem::directory_iterator folder("/proc/self/fd", error);
    double count = -1;  // the folder itself is open as well
    for (; !error && folder != std::filesystem::directory_iterator(); folder.increment(error))
        ++count;
    return error ? std::nullopt : std::optional(count);
}

}  // namespace

std::vector<MetricFamily> process_metrics()
{
    std::vector<MetricFamily> families;
    const auto gauge = [&](const char* name, const char* help, double value) {
        families.push_back(single(name, help, MetricType::Gauge, value));
    };
    if (const auto stat = read_stat()) {
        families.push_back(single("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
                                  MetricType::Counter, stat->cpu_seconds));
        gauge("process_threads", "Number of OS threads in the process.", stat->threads);
        gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", stat->virtual_bytes);
        gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
              stat->resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
        if (const auto boot = read_boot_time())
            gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
                  *boot + stat->start_ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
    }
    if (const auto open = count_open_files())
        gauge("process_open_fds", "Number of open file descriptors.", *open);
    if (rlimit limit{}; getrlimit(RLIMIT_NOFILE, &limit) == 0)
        gauge("process_max_fds", "Maximum number of open file descriptors.", static_cast<double>(limit.rlim_cur));
    return families;
}

}  // namespace fnshield
