// SPDX-License-Identifier: Apache-2.0
//
// The privilege sensor against real system calls: each act by each road, refused ones, what must stay quiet, and what
// an enforced policy does about them on the backend that is used.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>

#include "daemon/sensors/lifecycle_sensor.h"
#include "tests/support/must.h"
#include "tests/support/needs.h"
#include "tests/support/runc.h"
#include "tests/support/sensor_harness.h"

namespace fnshield::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

bool is_of_privilege(const Event& event)
{
    return event.sensor == FNS_SENSOR_PRIVILEGE;
}

// One line an event, for messages of failed tests.
std::string describe(const std::vector<Event>& events)
{
    std::string text = std::to_string(events.size()) + " events";
    for (const Event& event : events) {
        text += "\n  " + std::string(event_kind_name(event.kind)) + " sandbox " + std::to_string(event.sandbox);
        if (const auto* body = event.as<PrivilegeBody>())
            text += " " + std::string(privilege_name(body->act)) + " argument " + std::to_string(body->argument) +
                    " result " + std::to_string(body->result) + " " + body->name;
    }
    return text;
}

class PrivilegeScene {
public:
    // `entrants`: with the sensors that tell who is one, and what is made beside the sandbox is one as well.
    explicit PrivilegeScene(SensorHarness::Options options = {}, bool entrants = false)
    {
        options.sensors = {FNS_SENSOR_PRIVILEGE};
        if (entrants)
            options.sensors.insert(options.sensors.end(), {FNS_SENSOR_LIFECYCLE, FNS_SENSOR_PROCESS});
        harness_ = must(SensorHarness::make(options));
        if (entrants)
            watch_parent();
        box_.emplace(must(CgroupSandbox::make_for_test("privilege")));
        must(harness_->add_sandbox(*box_));
    }

    // `trigger NAME 0 0` in the sandbox; its output and exit code.
    Finished act(const std::string& name) { return act(std::vector<std::string>{name, "0", "0"}); }
    Finished act(std::vector<std::string> words)
    {
        words.insert(words.begin(), trigger());
        return must(box_->run(words));
    }
    // … on the host.
    static Finished act_on_host(std::vector<std::string> words)
    {
        words.insert(words.begin(), trigger());
        return must(run(words));
    }
    // All events of the sensor so far. Fails the test where one could not be decoded.
    std::vector<Event> seen()
    {
        const auto settled = harness_->settle();
        EXPECT_TRUE(settled) << settled.error().message;
        EXPECT_THAT(harness_->decode_errors(), IsEmpty());
        return harness_->matching(is_of_privilege);
    }
    std::vector<Event> seen(fns_privilege act)
    {
        auto events = seen();
        std::erase_if(events, [act](const Event& event) {
            const auto* body = event.as<PrivilegeBody>();
            return body == nullptr || body->act != act;
        });
        return events;
    }
    // From now on the sandbox's policy asks for `action` against `guard`.
    void set_policy(fns_guard guard, fns_action action, bool enforce)
    {
        fns_policy policy{};
        policy.flags = enforce ? unsigned{FNS_POLICY_ENFORCE} : 0;
        policy.action[FNS_PHASE_INIT][guard] = policy.action[FNS_PHASE_WARM][guard] = static_cast<std::uint8_t>(action);
        ASSERT_TRUE(harness_->maps().policies().update(7, policy));
        ASSERT_TRUE(harness_->maps().assignments().update(box_->id(), {.policy_id = 7}));
    }

    SensorHarness& harness() { return *harness_; }
    CgroupSandbox& box() { return *box_; }

private:
    void watch_parent()
    {
        auto& lifecycle = dynamic_cast<LifecycleSensor&>(harness_->sensor(FNS_SENSOR_LIFECYCLE));
        must(lifecycle.add_parent_path(test_cgroup_root(), {.depth = 1}));
    }

    std::unique_ptr<SensorHarness> harness_;
    std::optional<CgroupSandbox> box_;
};

struct Case {
    const char* act;
    EventKind kind;
    fns_privilege privilege;
    bool compat = false;
    std::uint64_t argument = 0;  // that must be among the flags
};

void PrintTo(const Case& one, std::ostream* out)
{
    *out << one.act;
}

constexpr auto kNamespace = EventKind::namespace_;
constexpr auto kMount = EventKind::mount;
constexpr auto kModule = EventKind::module;

constexpr Case kGranted[] = {
    {"setns", kNamespace, FNS_PRIVILEGE_SETNS, false, CLONE_NEWUTS},
    {"setns_pidfd", kNamespace, FNS_PRIVILEGE_SETNS, false, CLONE_NEWUTS | CLONE_NEWIPC},
    {"setns_32", kNamespace, FNS_PRIVILEGE_SETNS, true, CLONE_NEWUTS},
    {"unshare_user", kNamespace, FNS_PRIVILEGE_UNSHARE, false, CLONE_NEWUSER},
    {"unshare_network", kNamespace, FNS_PRIVILEGE_UNSHARE, false, CLONE_NEWNET},
    {"clone_user", kNamespace, FNS_PRIVILEGE_CLONE, false, CLONE_NEWUSER},
    {"clone_user_32", kNamespace, FNS_PRIVILEGE_CLONE, true, CLONE_NEWUSER},
    {"clone3_user", kNamespace, FNS_PRIVILEGE_CLONE, false, CLONE_NEWUSER},
    {"clone_uts", kNamespace, FNS_PRIVILEGE_CLONE, false, CLONE_NEWUTS},
    {"mount", kMount, FNS_PRIVILEGE_MOUNT},
    {"mount_32", kMount, FNS_PRIVILEGE_MOUNT, true},
    {"mount_in_userns", kMount, FNS_PRIVILEGE_MOUNT},
    {"umount", kMount, FNS_PRIVILEGE_UMOUNT},
    {"umount_32", kMount, FNS_PRIVILEGE_UMOUNT, true},
    {"pivot_root", kMount, FNS_PRIVILEGE_PIVOT_ROOT},
    {"open_tree_clone", kMount, FNS_PRIVILEGE_OPEN_TREE},
    {"open_tree_clone_32", kMount, FNS_PRIVILEGE_OPEN_TREE, true},
    {"move_mount", kMount, FNS_PRIVILEGE_MOVE_MOUNT},
    {"fsopen", kMount, FNS_PRIVILEGE_FSOPEN},
    {"fsmount", kMount, FNS_PRIVILEGE_FSMOUNT},
    {"fspick", kMount, FNS_PRIVILEGE_FSPICK},
    {"mount_setattr", kMount, FNS_PRIVILEGE_MOUNT_SETATTR},
    {"open_by_handle", kMount, FNS_PRIVILEGE_OPEN_BY_HANDLE},
    {"init_module", kModule, FNS_PRIVILEGE_INIT_MODULE},
    {"init_module_32", kModule, FNS_PRIVILEGE_INIT_MODULE, true},
    {"finit_module", kModule, FNS_PRIVILEGE_FINIT_MODULE},
    {"delete_module", kModule, FNS_PRIVILEGE_DELETE_MODULE},
    {"bpf_map", EventKind::bpf, FNS_PRIVILEGE_BPF},
    {"bpf_map_32", EventKind::bpf, FNS_PRIVILEGE_BPF, true},
    {"bpf_prog", EventKind::bpf, FNS_PRIVILEGE_BPF, false, 5},
    {"perf_event_all", EventKind::perf_event, FNS_PRIVILEGE_PERF_EVENT},
    {"ring_setup", EventKind::io_uring, FNS_PRIVILEGE_IO_URING},
    {"mknod_block", EventKind::syscall_, FNS_PRIVILEGE_MKNOD, false, S_IFBLK},
    {"swapon", EventKind::syscall_, FNS_PRIVILEGE_SWAPON},
};

// Why the fallback of a kernel without cap_capable says nothing of an act that came to this; empty where it has to.
std::string blind_spot(const Case& one, const std::string& output)
{
    if (missing_hook("raw:cap_capable").empty())
        return {};
    if (one.compat && one.privilege != FNS_PRIVILEGE_CLONE)
        return "without cap_capable the fallback sees no 32-bit entry";
    for (const int error : {EBADF, EFAULT, EINVAL})
        if (output.contains("result=-" + std::to_string(error) + "\n"))
            return "without cap_capable the fallback does not tell of a call whose arguments were wrong";
    return {};
}

// Attached once for all cases of a suite.
class PrivilegeSuite : public ::testing::TestWithParam<Case> {
protected:
    static void attach(const SensorHarness::Options& options = {})
    {
        try {
            scene_ = std::make_unique<PrivilegeScene>(options);
        } catch (const std::exception& failed) {
            ADD_FAILURE() << failed.what();
        }
    }
    static void SetUpTestSuite() { attach(); }
    static void TearDownTestSuite() { scene_.reset(); }
    void SetUp() override
    {
        SKIP_WITHOUT_ENTRY_OF(GetParam().act);
        ASSERT_NE(scene_, nullptr);
        scene_->harness().clear();
    }
    // Runs the case's act, as nobody or as root; true where this kernel has it.
    bool act(bool as_nobody, std::string* output)
    {
        const std::string name = GetParam().act;
        *output = (as_nobody ? scene_->act({"as_nobody", "0", "0", name}) : scene_->act(name)).output;
        return !output->contains("result=-" + std::to_string(ENOSYS));
    }
    void expect_event(bool refused)
    {
        const auto events = scene_->seen(GetParam().privilege);
        ASSERT_EQ(events.size(), 1U) << describe(scene_->seen());
        const Event& event = events[0];
        const auto& body = *event.as<PrivilegeBody>();
        EXPECT_EQ(event.kind, GetParam().kind);
        EXPECT_EQ(event.sandbox, scene_->box().id());
        EXPECT_EQ(event.has(FNS_FLAG_COMPAT), GetParam().compat);
        EXPECT_EQ(body.refused(), refused) << body.result;
        EXPECT_EQ(body.argument & GetParam().argument, GetParam().argument);
        EXPECT_FALSE(body.own_object);
        EXPECT_EQ(scene_->harness().lost(), 0U);
    }

    static inline std::unique_ptr<PrivilegeScene> scene_;
};

class PrivilegeGranted : public PrivilegeSuite {};

TEST_P(PrivilegeGranted, IsToldOnce)
{
    std::string output;
    if (!act(false, &output))
        GTEST_SKIP() << "this kernel has no " << GetParam().act;
    if (const std::string why = blind_spot(GetParam(), output); !why.empty())
        GTEST_SKIP() << why;
    SCOPED_TRACE(output);
    expect_event(false);
}

INSTANTIATE_TEST_SUITE_P(Acts, PrivilegeGranted, ::testing::ValuesIn(kGranted),
                         [](const auto& one) { return std::string(one.param.act); });

constexpr Case kRefused[] = {
    {"setns", kNamespace, FNS_PRIVILEGE_SETNS},
    {"setns_32", kNamespace, FNS_PRIVILEGE_SETNS, true},
    {"unshare_network", kNamespace, FNS_PRIVILEGE_UNSHARE, false, CLONE_NEWNET},
    {"clone_uts", kNamespace, FNS_PRIVILEGE_CLONE, false, CLONE_NEWUTS},
    {"mount", kMount, FNS_PRIVILEGE_MOUNT},
    {"mount_32", kMount, FNS_PRIVILEGE_MOUNT, true},
    {"umount", kMount, FNS_PRIVILEGE_UMOUNT},
    {"pivot_root", kMount, FNS_PRIVILEGE_PIVOT_ROOT},
    {"open_tree_clone", kMount, FNS_PRIVILEGE_OPEN_TREE},
    {"move_mount", kMount, FNS_PRIVILEGE_MOVE_MOUNT},
    {"fsopen", kMount, FNS_PRIVILEGE_FSOPEN},
    {"open_by_handle", kMount, FNS_PRIVILEGE_OPEN_BY_HANDLE},
    {"init_module", kModule, FNS_PRIVILEGE_INIT_MODULE},
    {"bpf_prog", EventKind::bpf, FNS_PRIVILEGE_BPF},
    {"bpf_map_32", EventKind::bpf, FNS_PRIVILEGE_BPF, true},
};

class PrivilegeRefused : public PrivilegeSuite {};

TEST_P(PrivilegeRefused, IsToldAsAnAttempt)
{
    std::string output;
    if (!act(true, &output))
        GTEST_SKIP() << "this kernel has no " << GetParam().act;
    if (output.contains("result=0") && GetParam().privilege == FNS_PRIVILEGE_BPF)
        GTEST_SKIP() << "this kernel lets everyone call bpf()";
    if (const std::string why = blind_spot(GetParam(), output); !why.empty())
        GTEST_SKIP() << why;
    if (GetParam().privilege == FNS_PRIVILEGE_CLONE)
        SKIP_WITHOUT_HOOK("raw:cap_capable");  // a refused clone makes no process that could tell
    SCOPED_TRACE(output);
    expect_event(true);
}

INSTANTIATE_TEST_SUITE_P(Acts, PrivilegeRefused, ::testing::ValuesIn(kRefused),
                         [](const auto& one) { return std::string(one.param.act); });

// Kernels before 6.14 have no shared point for capabilities: each call is watched, by the 64-bit entry.
constexpr Case kByCall[] = {
    {"setns", kNamespace, FNS_PRIVILEGE_SETNS},
    {"unshare_user", kNamespace, FNS_PRIVILEGE_UNSHARE, false, CLONE_NEWUSER},
    {"mount", kMount, FNS_PRIVILEGE_MOUNT},
    {"mount_in_userns", kMount, FNS_PRIVILEGE_MOUNT},
    {"open_tree_clone", kMount, FNS_PRIVILEGE_OPEN_TREE},
    {"fsopen", kMount, FNS_PRIVILEGE_FSOPEN},
    {"open_by_handle", kMount, FNS_PRIVILEGE_OPEN_BY_HANDLE},
    {"bpf_map", EventKind::bpf, FNS_PRIVILEGE_BPF},
};

class PrivilegeByCall : public PrivilegeSuite {
protected:
    static void SetUpTestSuite() { attach({.choice = {.absent_hook = "raw:cap_capable"}}); }
};

TEST_P(PrivilegeByCall, IsToldOnce)
{
    std::string output;
    act(false, &output);
    SCOPED_TRACE(output);
    const auto events = scene_->seen(GetParam().privilege);
    ASSERT_EQ(events.size(), 1U) << describe(scene_->seen());
    EXPECT_FALSE(events[0].as<PrivilegeBody>()->refused());
    EXPECT_EQ(events[0].as<PrivilegeBody>()->argument & GetParam().argument, GetParam().argument);
}

TEST_P(PrivilegeByCall, IsToldAsAnAttempt)
{
    std::string output;
    act(true, &output);
    SCOPED_TRACE(output);
    const auto events = scene_->seen(GetParam().privilege);
    ASSERT_EQ(events.size(), 1U) << describe(scene_->seen());
    const bool open_to_all =
        GetParam().argument == CLONE_NEWUSER || std::string_view(GetParam().act) == "mount_in_userns";
    EXPECT_EQ(events[0].as<PrivilegeBody>()->refused(), !open_to_all);
}

INSTANTIATE_TEST_SUITE_P(Acts, PrivilegeByCall, ::testing::ValuesIn(kByCall),
                         [](const auto& one) { return std::string(one.param.act); });

// What asks for no capability: no hook of the preferred backends tells of it.
TEST(Privilege, CallsThatAskForNothingAreToldByTheFallback)
{
    if (*test_backend() != Backend::tracepoint)
        GTEST_SKIP() << "these calls have no hook but their system call's tracepoint";
    PrivilegeScene scene;
    for (const auto& [act, privilege] : {std::pair{"keyctl", FNS_PRIVILEGE_KEYCTL},
                                         {"userfaultfd", FNS_PRIVILEGE_USERFAULTFD},
                                         {"modify_ldt", FNS_PRIVILEGE_MODIFY_LDT}}) {
        const Finished done = scene.act(act);
        if (done.output.contains("result=-" + std::to_string(ENOSYS)))
            continue;  // this kernel has no such call
        EXPECT_EQ(scene.seen(privilege).size(), 1U) << act << " " << done.output << describe(scene.seen());
    }
}

// --- what stays quiet ---

TEST(Privilege, LookAlikesAreNotTold)
{
    PrivilegeScene scene;
    scene.act("nothing");
    EXPECT_THAT(scene.act("open_tree_look").output, HasSubstr("result="));
    scene.act(std::vector<std::string>{"fork-burst", "3"});
    scene.act("mknod_pipe");
    for (const char* act : {"mount", "setns", "bpf_map", "unshare_user", "clone_user"})
        PrivilegeScene::act_on_host({act, "0", "0"});
    const auto events = scene.seen();
    EXPECT_THAT(events, IsEmpty()) << describe(events);
}

TEST(Privilege, TheSetUpIsNotTold)
{
    PrivilegeScene scene;
    const auto box = CgroupSandbox::make_for_test("setup");
    ASSERT_TRUE(box);
    ASSERT_TRUE(scene.harness().add_sandbox(*box, false));
    ASSERT_TRUE(box->run({trigger(), "mount", "0", "0"}));
    const auto events = scene.seen();
    EXPECT_THAT(events, IsEmpty()) << describe(events);
}

// runc's unshare, mounts and pivot_root, and `runc exec`'s setns, are the runtime's; what the function does is not.
TEST(Privilege, AContainersStartIsNotToldButItsActsAre)
{
    PrivilegeScene scene({}, true);
    const std::string folder = trigger().substr(0, trigger().rfind('/'));
    auto made = RuncContainer::run({.cgroup_path = test_cgroup_root() + "/i-1",
                                    .argv = {"/bin/sh", "-c", "echo up; read x; /trigger/trigger mount 0 0; read y"},
                                    .mounts = {{folder, "/trigger"}}});
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(made->io().read_until("up"));
    ASSERT_TRUE(made->exec({"/bin/true"}));
    EXPECT_THAT(scene.seen(), IsEmpty()) << describe(scene.seen());

    ASSERT_TRUE(made->io().write("\n"));
    const auto line = made->io().read_until("result=");
    ASSERT_TRUE(line);
    SCOPED_TRACE(*line);
    const auto events = scene.seen(FNS_PRIVILEGE_MOUNT);
    ASSERT_EQ(events.size(), 1U) << describe(scene.seen());
    EXPECT_EQ(events[0].sandbox, made->id());
    EXPECT_TRUE(events[0].as<PrivilegeBody>()->refused());  // runc gave it no CAP_SYS_ADMIN
}

// A child that is born into the sandbox from outside is an entrant until its exec, and then the function.
TEST(Privilege, AChildBornIntoTheSandboxIsJudgedAsWhatItIs)
{
    PrivilegeScene scene({}, true);
    const auto done = PrivilegeScene::act_on_host({"act_when_born", scene.box().directory(), trigger()});
    ASSERT_THAT(done.output, HasSubstr("result="));
    EXPECT_THAT(scene.seen(FNS_PRIVILEGE_SETNS), IsEmpty()) << describe(scene.seen());
    const auto mounts = scene.seen(FNS_PRIVILEGE_MOUNT);
    ASSERT_EQ(mounts.size(), 1U) << describe(scene.seen()) << done.output;
    EXPECT_EQ(mounts[0].sandbox, scene.box().id());
}

TEST(Privilege, AFloodIsCountedAndNotTold)
{
    PrivilegeScene scene({.repeat_after_ns = 3600 * kSecond});
    scene.act({"repeat", "0", "0", "500", "mount"});
    EXPECT_EQ(scene.seen(FNS_PRIVILEGE_MOUNT).size(), 1U);
    const auto counters = scene.harness().maps().total(FNS_SENSOR_PRIVILEGE);
    ASSERT_TRUE(counters);
    EXPECT_GE(counters->suppressed, 400U);
    EXPECT_EQ(scene.harness().lost(), 0U);
}

TEST(Privilege, TheLeanProfileStillSeesCapabilitiesAndClones)
{
    if (*test_backend() != Backend::tracepoint)
        GTEST_SKIP() << "the profiles are the fallback's";
    SKIP_WITHOUT_HOOK("raw:cap_capable");
    PrivilegeScene scene({.choice = {.full_profile = false}});
    scene.act("unshare_user");
    EXPECT_THAT(scene.seen(), IsEmpty());
    scene.act("mount");
    scene.act("clone_user");
    EXPECT_EQ(scene.seen(FNS_PRIVILEGE_MOUNT).size(), 1U);
    EXPECT_EQ(scene.seen(FNS_PRIVILEGE_CLONE).size(), 1U);
}

// --- verdicts ---

struct Guarded {
    const char* act;
    fns_guard guard;
    fns_privilege privilege;
    const char* untouched;  // what the act prints where nobody stops it
};

void PrintTo(const Guarded& one, std::ostream* out)
{
    *out << one.act;
}

// Before 6.1 LSM programs have no say in a user namespace.
bool can_refuse(fns_guard guard)
{
    const auto host = Host::probe();
    return *test_backend() == Backend::lsm && host &&
           (guard != FNS_GUARD_USER_NAMESPACE || host->has_function("bpf_lsm_userns_create"));
}

class PrivilegeVerdict : public ::testing::TestWithParam<Guarded> {};

TEST_P(PrivilegeVerdict, MonitorTouchesNothing)
{
    SKIP_WITHOUT_ENTRY_OF(GetParam().act);
    if (std::string_view(GetParam().act).ends_with("_32")) {
        SKIP_WITHOUT_HOOK("raw:cap_capable");
    }
    PrivilegeScene scene;
    scene.set_policy(GetParam().guard, FNS_ACTION_DENY, false);
    const Finished done = scene.act(GetParam().act);
    EXPECT_EQ(done.exit_code, 0);
    EXPECT_THAT(done.output, HasSubstr(GetParam().untouched));
    const auto events = scene.seen(GetParam().privilege);
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events[0].verdict.guard, GetParam().guard);
    EXPECT_EQ(events[0].verdict.requested, FNS_ACTION_DENY);
    EXPECT_EQ(events[0].verdict.taken, FNS_ACTION_NONE);
    EXPECT_EQ(events[0].verdict.policy_id, 7U);
    EXPECT_FALSE(events[0].has(FNS_FLAG_DENIED));
}

TEST_P(PrivilegeVerdict, EnforceRefusesOrKills)
{
    SKIP_WITHOUT_ENTRY_OF(GetParam().act);
    if (std::string_view(GetParam().act).ends_with("_32")) {
        SKIP_WITHOUT_HOOK("raw:cap_capable");
    }
    PrivilegeScene scene;
    scene.set_policy(GetParam().guard, FNS_ACTION_DENY, true);
    const Finished done = scene.act(GetParam().act);
    const auto events = scene.seen(GetParam().privilege);
    ASSERT_EQ(events.size(), 1U) << describe(scene.seen());
    EXPECT_EQ(events[0].verdict.requested, FNS_ACTION_DENY);
    if (can_refuse(GetParam().guard)) {
        EXPECT_EQ(done.exit_code, 0);
        EXPECT_THAT(done.output, HasSubstr("result=-" + std::to_string(EPERM)));
        EXPECT_EQ(events[0].verdict.taken, FNS_ACTION_DENY);
        EXPECT_TRUE(events[0].has(FNS_FLAG_DENIED));
    } else {
        EXPECT_EQ(done.exit_code, 128 + SIGKILL);
        EXPECT_THAT(done.output, ::testing::Not(HasSubstr("result=")));
        EXPECT_EQ(events[0].verdict.taken, FNS_ACTION_KILL);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Guards, PrivilegeVerdict,
    ::testing::Values(Guarded{"setns", FNS_GUARD_NAMESPACE_ENTRY, FNS_PRIVILEGE_SETNS, "result=0"},
                      Guarded{"unshare_user", FNS_GUARD_USER_NAMESPACE, FNS_PRIVILEGE_UNSHARE, "result=0"},
                      Guarded{"clone_user", FNS_GUARD_USER_NAMESPACE, FNS_PRIVILEGE_CLONE, "result=0"},
                      Guarded{"mount", FNS_GUARD_MOUNT, FNS_PRIVILEGE_MOUNT, "result=-19"},
                      Guarded{"open_tree_clone_32", FNS_GUARD_MOUNT, FNS_PRIVILEGE_OPEN_TREE, "result="},
                      Guarded{"bpf_map", FNS_GUARD_BPF, FNS_PRIVILEGE_BPF, "result="}),
    [](const auto& one) { return std::string(one.param.act); });

// What the kernel refused by itself needs no `deny`; a `kill` is carried out.
TEST(Privilege, ARefusedAttemptIsKilledOnlyWhereThePolicySaysKill)
{
    PrivilegeScene scene;
    scene.set_policy(FNS_GUARD_MOUNT, FNS_ACTION_DENY, true);
    EXPECT_THAT(scene.act({"as_nobody", "0", "0", "mount"}).output, HasSubstr("result=-1"));
    scene.set_policy(FNS_GUARD_MOUNT, FNS_ACTION_KILL, true);
    EXPECT_EQ(scene.act({"as_nobody", "0", "0", "mount"}).exit_code, 128 + SIGKILL);
}

TEST(Privilege, AnotherGuardsDenyStopsNothing)
{
    PrivilegeScene scene;
    scene.set_policy(FNS_GUARD_BPF, FNS_ACTION_DENY, true);
    EXPECT_THAT(scene.act("mount").output, HasSubstr("result=-19"));
}

}  // namespace
}  // namespace fnshield::testing
