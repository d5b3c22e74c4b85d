// SPDX-License-Identifier: Apache-2.0
#include "tests/support/runc.h"

#include <fcntl.h>
#include <mntent.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>

#include "tests/support/cgroup_sandbox.h"
#include "tests/support/slowness.h"

namespace fnshield::testing {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json bind_mount(const RuncMount& mount)
{
    return {{"destination", mount.destination},
            {"type", "bind"},
            {"source", mount.source},
            {"options", {"rbind", mount.read_only ? "ro" : "rw"}}};
}

json mounts_of(const RuncOptions& options)
{
    json mounts = {
        {{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
        {{"destination", "/dev"},
         {"type", "tmpfs"},
         {"source", "tmpfs"},
         {"options", {"nosuid", "strictatime", "mode=755", "size=65536k"}}},
        {{"destination", "/dev/shm"}, {"type", "tmpfs"}, {"source", "shm"}, {"options", {"nosuid", "nodev"}}},
        {{"destination", "/tmp"}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", {"nosuid", "mode=1777"}}},
        bind_mount({"/usr", "/usr"}),
    };
    for (const RuncMount& mount : options.mounts)
        mounts.push_back(bind_mount(mount));
    return mounts;
}

json namespaces_of(const RuncOptions& options)
{
    json namespaces = {{{"type", "mount"}}, {{"type", "ipc"}}, {{"type", "uts"}}};
    if (options.private_pids)
        namespaces.push_back({{"type", "pid"}});
    if (!options.network_namespace.empty())
        namespaces.push_back({{"type", "network"}, {"path", options.network_namespace}});
    else if (options.private_network)
        namespaces.push_back({{"type", "network"}});
    return namespaces;
}

json process_of(const RuncOptions& options)
{
    std::vector<std::string> capabilities = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FSETID", "CAP_FOWNER",
                                             "CAP_MKNOD",   "CAP_SETGID",           "CAP_SETUID", "CAP_SETFCAP",
                                             "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_KILL",   "CAP_SYS_CHROOT",
                                             "CAP_NET_RAW", "CAP_AUDIT_WRITE"};
    capabilities.insert(capabilities.end(), options.extra_capabilities.begin(), options.extra_capabilities.end());
    std::vector<std::string> environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    environment.insert(environment.end(), options.environment.begin(), options.environment.end());
    return {{"terminal", false},
            {"user", {{"uid", options.uid}, {"gid", options.uid}}},
            {"args", options.argv},
            {"env", environment},
            {"cwd", "/"},
            {"noNewPrivileges", true},
            {"capabilities", {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}}};
}

json config_of(const RuncOptions& options)
{
    json config = {{"ociVersion", "1.0.2"},
                   {"process", process_of(options)},
                   {"root", {{"path", "rootfs"}, {"readonly", true}}},
                   {"hostname", "fnshield-test"},
                   {"mounts", mounts_of(options)},
                   {"linux", {{"cgroupsPath", options.cgroup_path}, {"namespaces", namespaces_of(options)}}}};
    if (options.memory_limit_bytes != 0)
        config["linux"]["resources"]["memory"]["limit"] = options.memory_limit_bytes;
    if (!options.create_hook.empty())
        config["hooks"]["createContainer"] = {{{"path", options.create_hook.front()}, {"args", options.create_hook}}};
    return config;
}

// Where cgroup hierarchies are mounted, v1 and v2.
std::vector<std::string> cgroup_mounts()
{
    std::vector<std::string> mounts;
    FILE* table = setmntent("/proc/self/mounts", "r");
    if (table == nullptr)
        return mounts;
    while (const mntent* entry = getmntent(table))
        if (std::string_view type = entry->mnt_type; type == "cgroup" || type == "cgroup2")
            mounts.emplace_back(entry->mnt_dir);
    endmntent(table);
    return mounts;
}

// The directories that `path` would need and that do not exist yet, outermost first, in all hierarchies.
std::vector<std::string> missing_directories(const std::string& path)
{
    std::vector<std::string> missing;
    for (std::string directory : cgroup_mounts())
        for (const auto part : std::views::split(path, '/')) {
            if (part.empty())
                continue;
            directory += '/';
            directory += std::string_view(part);
            if (!fs::exists(directory))
                missing.push_back(directory);
        }
    return missing;
}

Result<void> write_bundle(const std::string& bundle, const RuncOptions& options)
{
    std::error_code error;
    fs::create_directories(bundle + "/rootfs/usr", error);
    for (const char* name : {"bin", "sbin", "lib", "lib64"})
        if (!error)
            fs::create_directory_symlink(std::string("usr/") + name, bundle + "/rootfs/" + name, error);
    if (error)
        return fail("cannot make the bundle " + bundle + ": " + error.message());
    std::ofstream config(bundle + "/config.json");
    config << config_of(options);
    if (!config.flush())
        return fail_errno("cannot write " + bundle + "/config.json");
    return {};
}

}  // namespace

struct RuncContainer::State {
    std::string directory;  // bundle and runc's own state
    std::string name;
    std::string cgroup_path;
    std::vector<std::string> made;  // cgroup directories
    std::optional<Child> created;
    std::uint64_t id = 0;
    pid_t pid = -1;
    bool removed = false;

    [[nodiscard]] std::vector<std::string> command(std::initializer_list<std::string> words) const
    {
        std::vector<std::string> argv = {"runc", "--root", directory + "/state"};
        argv.insert(argv.end(), words);
        return argv;
    }
    [[nodiscard]] Result<Finished> call(std::initializer_list<std::string> words) const
    {
        auto done = testing::run(command(words));
        if (done && done->exit_code != 0)
            return fail("runc " + *words.begin() + ": " + done->output);
        return done;
    }
    [[nodiscard]] Result<void> call_silently(std::initializer_list<std::string> words) const
    {
        if (auto done = call(words); !done)
            return pass(std::move(done));
        return {};
    }
};

RuncContainer::RuncContainer(std::unique_ptr<State> state) : state_(std::move(state)) {}
RuncContainer::RuncContainer(RuncContainer&&) noexcept = default;

RuncContainer::~RuncContainer()
{
    if (state_)
        (void)remove();
}

Result<RuncContainer> RuncContainer::create(const RuncOptions& options)
{
    static std::atomic<int> serial = 0;
    auto state = std::make_unique<State>();
    state->name = "fnshield-test-" + std::to_string(::getpid()) + "-" + std::to_string(++serial);
    state->directory = fs::temp_directory_path() / state->name;
    state->cgroup_path = options.cgroup_path;
    state->made = missing_directories(options.cgroup_path);
    RuncContainer container(std::move(state));  // from here on its destructor cleans up
    State& s = *container.state_;
    if (auto written = write_bundle(s.directory, options); !written)
        return pass(std::move(written));
    auto child = Child::spawn(s.command({"create", "--bundle", s.directory, s.name}));
    if (!child)
        return pass(std::move(child));
    s.created.emplace(std::move(*child));
    auto code = s.created->wait_keeping_input();
    if (!code)
        return pass(std::move(code), "runc create");
    if (*code != 0)
        return fail("runc create: " + s.created->rest());
    auto id = cgroup_id(container.cgroup_directory());
    if (!id)
        return pass(std::move(id));
    s.id = *id;
    auto said = s.call({"state", s.name});
    if (!said)
        return pass(std::move(said));
    s.pid = json::parse(said->output, nullptr, false).value("pid", -1);
    return container;
}

Result<RuncContainer> RuncContainer::run(const RuncOptions& options)
{
    auto container = create(options);
    if (!container)
        return container;
    if (auto started = container->start(); !started)
        return pass(std::move(started));
    return container;
}

Result<void> RuncContainer::start()
{
    return state_->call_silently({"start", state_->name});
}

Result<Finished> RuncContainer::exec(const std::vector<std::string>& argv)
{
    auto command = state_->command({"exec", state_->name});
    command.insert(command.end(), argv.begin(), argv.end());
    return testing::run(command);
}

Result<void> RuncContainer::pause()
{
    return state_->call_silently({"pause", state_->name});
}

Result<void> RuncContainer::resume()
{
    return state_->call_silently({"resume", state_->name});
}

Result<void> RuncContainer::kill(const std::string& signal)
{
    return state_->call_silently({"kill", state_->name, signal});
}

Result<void> RuncContainer::wait_stopped()
{
    UniqueFd events(::open((cgroup_directory() + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    if (!events)
        return fail_errno("cannot open cgroup.events of " + cgroup_directory());
    for (unsigned tries = 0; tries < 100 * slowness(); ++tries) {
        char text[256] = {};
        if (::pread(events.get(), text, sizeof text - 1, 0) < 0)
            return fail_errno("cannot read cgroup.events");
        if (std::string_view(text).contains("populated 0"))
            return {};
        pollfd changed{.fd = events.get(), .events = POLLPRI, .revents = 0};
        ::poll(&changed, 1, 100);
    }
    return fail("the container did not stop");
}

Result<void> RuncContainer::remove()
{
    if (state_->removed)
        return {};
    state_->removed = true;
    auto deleted = state_->call_silently({"delete", "--force", state_->name});
    for (const std::string& directory : std::views::reverse(state_->made))
        ::rmdir(directory.c_str());
    std::error_code ignored;
    fs::remove_all(state_->directory, ignored);
    return deleted;
}

Child& RuncContainer::io()
{
    return *state_->created;
}

pid_t RuncContainer::pid() const
{
    return state_->pid;
}

std::uint64_t RuncContainer::id() const
{
    return state_->id;
}

std::string RuncContainer::cgroup_directory() const
{
    return cgroup2_mount() + state_->cgroup_path;
}

}  // namespace fnshield::testing
