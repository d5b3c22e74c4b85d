// SPDX-License-Identifier: Apache-2.0
//
// Names from real cgroup paths of each runtime and both cgroup drivers, and the parents that the kernel side is given.
// Both sides must agree on what a sandbox is: registered() below repeats the rule of tables.h, so that each path here
// is checked against both.
#include "daemon/model/recognise.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "daemon/model/path_template.h"
#include "fnshield/abi/tables.h"

namespace fnshield {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kAll{"kubernetes", "docker", "containerd", "crio", "podman", "firecracker"};

constexpr std::string_view kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::string with_id(std::string_view path)
{
    std::string text(path);
    if (const auto at = text.find("ID"); at != std::string::npos)
        text.replace(at, 2, kId);
    return text;
}

bool leaf_fits(const ParentSpec& parent, std::string_view leaf)
{
    bool only_refusals = true;
    for (const std::string_view prefix : parent.leaf_prefixes) {
        const bool refuses = prefix.starts_with(FNS_LEAF_PREFIX_NOT);
        if (leaf.starts_with(prefix.substr(refuses)))
            return !refuses;
        only_refusals = only_refusals && refuses;
    }
    return only_refusals;
}

// What the kernel side makes of a path whose cgroups are made one after the other, from the root down: the rule in
// force below each, by the longest parent path.
bool registered(const std::vector<ParentSpec>& parents, std::string_view path)
{
    const std::vector<std::string_view> segments = path_segments(path);
    const ParentSpec* parent = nullptr;
    std::uint32_t depth = 0;
    std::string at;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        at += '/' + std::string(segments[i]);
        const auto exact = std::ranges::find(parents, at, &ParentSpec::path);
        if (exact != parents.end()) {
            parent = &*exact;
            depth = parent->depth;
        } else if (parent != nullptr && depth <= 1 && leaf_fits(*parent, segments[i])) {
            return i + 1 == segments.size();
        } else if (parent != nullptr && depth <= 1 && !parent->rest) {
            return false;
        } else if (depth > 1) {
            --depth;
        }
    }
    return false;
}

struct PathCase {
    std::string_view path;
    std::string_view platform;  // "" = no sandbox
    std::string_view tenant = "";
    std::string_view function = "";
    std::string_view instance = "ID";
};

constexpr PathCase kPaths[] = {
    // kubelet, cgroupfs driver
    {"/kubepods/pod6a3c1f0e-1b2c-4d5e-8f90-a1b2c3d4e5f6/ID", "kubernetes"},
    {"/kubepods/burstable/pod6a3c1f0e-1b2c-4d5e-8f90-a1b2c3d4e5f6/ID", "kubernetes"},
    {"/kubepods/besteffort/pod6a3c1f0e-1b2c-4d5e-8f90-a1b2c3d4e5f6/ID", "kubernetes"},
    {"/kubepods/burstable/pod6a3c1f0e-1b2c-4d5e-8f90-a1b2c3d4e5f6/crio-ID", "kubernetes"},
    {"/kubelet/kubepods/pod6a3c1f0e-1b2c-4d5e-8f90-a1b2c3d4e5f6/ID", "kubernetes"},
    {"/kubelet/kubepods/besteffort/pod6a3c1f0e-1b2c-4d5e-8f90-a1b2c3d4e5f6/ID", "kubernetes"},
    {"/kubepods/burstable/pod6a3c1f0e-1b2c-4d5e-8f90-a1b2c3d4e5f6", ""},
    {"/kubepods/burstable/pod6a3c1f0e-1b2c-4d5e-8f90-a1b2c3d4e5f6/crio-conmon-ID", ""},
    {"/kubepods/burstable", ""},
    {"/kubepods", ""},
    // kubelet, systemd driver
    {"/kubepods.slice/kubepods-pod6a3c1f0e_1b2c.slice/cri-containerd-ID.scope", "kubernetes"},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6a3c1f0e_1b2c.slice/cri-containerd-ID.scope",
     "kubernetes"},
    {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod6a3c1f0e_1b2c.slice/crio-ID.scope",
     "kubernetes"},
    {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod6a3c1f0e_1b2c.slice/docker-ID.scope",
     "kubernetes"},
    {"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod6a3c1f0e_1b2c.slice/cri-containerd-ID.scope",
     "kubernetes"},
    {"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
     "kubelet-kubepods-burstable-pod6a3c1f0e_1b2c.slice/cri-containerd-ID.scope",
     "kubernetes"},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6a3c1f0e_1b2c.slice/crio-conmon-ID.scope", ""},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6a3c1f0e_1b2c.slice", ""},
    {"/kubelet.slice/kubelet.service", ""},
    // docker
    {"/docker/ID", "docker"},
    {"/system.slice/docker-ID.scope", "docker"},
    {"/system.slice/docker.service", ""},
    {"/system.slice/docker.socket", ""},
    {"/docker", ""},
    // containerd: faasd, ctr, nerdctl
    {"/openfaas-fn/figlet", "containerd", "openfaas-fn", "figlet", ""},
    {"/default/ID", "containerd"},
    {"/system.slice/nerdctl-ID.scope", "containerd"},
    {"/system.slice/containerd.service", ""},
    {"/openfaas/gateway", ""},
    // crio and podman, and their monitors
    {"/crio/crio-ID", "crio"},
    {"/system.slice/crio-ID.scope", "crio"},
    {"/system.slice/crio-conmon-ID.scope", ""},
    {"/system.slice/crio.service", ""},
    {"/machine.slice/libpod-ID.scope", "podman"},
    {"/machine.slice/machine-libpod_pod_ID.slice/libpod-0123.scope", "podman", "", "", "0123"},
    {"/libpod_parent/libpod-ID", "podman"},
    {"/machine.slice/libpod-conmon-ID.scope", ""},
    {"/libpod_parent/conmon", ""},
    {"/machine.slice/machine-qemu.scope", ""},
    // firecracker's jailer
    {"/firecracker/551e7604-e35c-42b3-b825-416853441234", "firecracker", "", "",
     "551e7604-e35c-42b3-b825-416853441234"},
    // the host's own
    {"/system.slice/ssh.service", ""},
    {"/user.slice/user-1000.slice/session-3.scope", ""},
    {"/init.scope", ""},
    {"/", ""},
    {"", ""},
};

TEST(BuiltInRecognisers, NameRealPathsAndOnlyThose)
{
    const auto made = make_recognition(kAll, {});
    ASSERT_TRUE(made) << made.error().message;
    for (const PathCase& row : kPaths) {
        const std::string path = with_id(row.path);
        const SandboxName wanted{.platform = std::string(row.platform),
                                 .tenant = std::string(row.tenant),
                                 .function = std::string(row.function),
                                 .instance = row.platform.empty() ? "" : with_id(row.instance)};
        const SandboxName name = made->recogniser->recognise(path);
        EXPECT_EQ(name, wanted) << path << " as " << name.platform << " " << name.display();
        EXPECT_EQ(registered(made->parents, path), !row.platform.empty()) << path;
    }
}

TEST(BuiltInRecognisers, ANestedCgroupIsNoSandboxOfItsOwn)
{
    const auto made = make_recognition(kAll, {});
    ASSERT_TRUE(made);
    for (const std::string_view below :
         {"/docker/ID/init", "/system.slice/docker-ID.scope/init.scope", "/machine.slice/libpod-ID.scope/container",
          "/kubepods/burstable/pod1/ID/a/b"}) {
        const std::string path = with_id(below);
        EXPECT_EQ(made->recogniser->recognise(path), SandboxName{}) << path;
        EXPECT_FALSE(registered(made->parents, path)) << path;
    }
}

TEST(BuiltInRecognisers, OnlyThoseAskedFor)
{
    const auto made = make_recognition(std::vector<std::string>{"docker"}, {});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->recogniser->recognise("/docker/abc").platform, "docker");
    EXPECT_EQ(made->recogniser->recognise("/firecracker/abc"), SandboxName{});
    ASSERT_EQ(made->parents.size(), 2U);
    EXPECT_EQ(made->parents[0], (ParentSpec{.path = "/docker"}));
    EXPECT_EQ(made->parents[1], (ParentSpec{.path = "/system.slice", .leaf_prefixes = {"docker-"}}));
}

TEST(BuiltInRecognisers, AnUnknownPlatformIsAnError)
{
    EXPECT_THAT(make_recognition(std::vector<std::string>{"lxc"}, {}).error().message, HasSubstr("'lxc'"));
}

TEST(BuiltInRecognisers, FitTheKernelsTables)
{
    const auto made = make_recognition(kAll, {});
    ASSERT_TRUE(made);
    EXPECT_THAT(made->notes, IsEmpty());
    for (const ParentSpec& parent : made->parents) {
        EXPECT_LT(parent.path.size(), static_cast<std::size_t>(FNS_PARENT_PATH_BYTES));
        EXPECT_GE(parent.depth, 1U);
        EXPECT_LE(parent.leaf_prefixes.size(), static_cast<std::size_t>(FNS_LEAF_PREFIXES)) << parent.path;
        for (const std::string& prefix : parent.leaf_prefixes)
            EXPECT_LT(prefix.size(), static_cast<std::size_t>(FNS_LEAF_PREFIX_BYTES)) << prefix;
    }
}

TEST(BuiltInRecognisers, RefusalsStandFirst)
{
    const auto made = make_recognition(kAll, {});
    ASSERT_TRUE(made);
    const auto parent = std::ranges::find(made->parents, "/system.slice", &ParentSpec::path);
    ASSERT_NE(parent, made->parents.end());
    EXPECT_THAT(parent->leaf_prefixes, ElementsAre("!crio-conmon-", "crio-", "docker-", "nerdctl-"));
}

std::vector<std::string> one(std::string_view text)
{
    return {std::string(text)};
}

TEST(Template, NamesItsParts)
{
    const auto made = make_recognition({}, one("/fn/{tenant}/{function}/{instance}"));
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_THAT(made->parents, ElementsAre(ParentSpec{.path = "/fn", .depth = 3}));
    EXPECT_EQ(made->recogniser->recognise("/fn/acme/resize/i-1"), (SandboxName{"template", "acme", "resize", "i-1"}));
    EXPECT_EQ(made->recogniser->recognise("/fn/acme/resize"), SandboxName{});
    EXPECT_EQ(made->recogniser->recognise("/fn/acme/resize/i-1/nested"), SandboxName{});
    EXPECT_EQ(made->recogniser->recognise("/fnx/acme/resize/i-1"), SandboxName{});
}

TEST(Template, TakesPartOfASegmentAndFreeNames)
{
    const auto made = make_recognition({}, one("/faas/{zone}/fn-{function}.scope"));
    ASSERT_TRUE(made);
    EXPECT_THAT(made->parents, ElementsAre(ParentSpec{.path = "/faas", .depth = 2, .leaf_prefixes = {"fn-"}}));
    EXPECT_EQ(made->recogniser->recognise("/faas/a/fn-resize.scope"), (SandboxName{"template", "", "resize", ""}));
    EXPECT_EQ(made->recogniser->recognise("/faas/a/fn-.scope"), SandboxName{});
    EXPECT_EQ(made->recogniser->recognise("/faas/a/resize.scope"), SandboxName{});
}

TEST(Template, ARestTakesAnyNumberOfSegments)
{
    const auto made = make_recognition({}, one("/pool/{tenant}/{function*}"));
    ASSERT_TRUE(made);
    EXPECT_THAT(made->parents, ElementsAre(ParentSpec{.path = "/pool", .depth = 2, .rest = true}));
    EXPECT_EQ(made->recogniser->recognise("/pool/acme/a"), (SandboxName{"template", "acme", "a", ""}));
    EXPECT_EQ(made->recogniser->recognise("/pool/acme/a/b/c"), (SandboxName{"template", "acme", "a/b/c", ""}));
    EXPECT_EQ(made->recogniser->recognise("/pool/acme"), SandboxName{});
}

TEST(Template, OfTwoTheLongerParentCounts)
{
    const auto made =
        make_recognition({}, std::vector<std::string>{"/fn/{tenant}/{function}", "/fn/acme/{function}/{instance}"});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->recogniser->recognise("/fn/other/resize"), (SandboxName{"template", "other", "resize", ""}));
    EXPECT_EQ(made->recogniser->recognise("/fn/acme/resize/i-1"), (SandboxName{"template", "", "resize", "i-1"}));
    EXPECT_TRUE(registered(made->parents, "/fn/other/resize"));
    EXPECT_TRUE(registered(made->parents, "/fn/acme/resize/i-1"));
}

TEST(Template, TakesPrecedenceOverABuiltInAndSharesItsParent)
{
    const auto made =
        make_recognition(kAll, std::vector<std::string>{"/openfaas-fn/{function}", "/docker/{tenant}/{instance}"});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->recogniser->recognise("/openfaas-fn/figlet"), (SandboxName{"template", "", "figlet", ""}));
    EXPECT_EQ(std::ranges::count(made->parents, "/openfaas-fn", &ParentSpec::path), 1);
    const auto docker = std::ranges::find(made->parents, "/docker", &ParentSpec::path);
    ASSERT_NE(docker, made->parents.end());
    EXPECT_EQ(docker->depth, 2U);
    EXPECT_THAT(made->notes, Contains(HasSubstr("/docker/{instance}")));
}

TEST(Template, APlainNameBesidePrefixesTakesAllButTheRefused)
{
    const auto made = make_recognition(kAll, one("/system.slice/{function}"));
    ASSERT_TRUE(made);
    const auto parent = std::ranges::find(made->parents, "/system.slice", &ParentSpec::path);
    ASSERT_NE(parent, made->parents.end());
    EXPECT_THAT(parent->leaf_prefixes, ElementsAre("!crio-conmon-"));
    EXPECT_EQ(made->recogniser->recognise("/system.slice/docker-abc.scope").platform, "template");
}

TEST(Template, ThoseOfOneParentMustAgree)
{
    const auto made = make_recognition({}, std::vector<std::string>{"/fn/{function}", "/fn/{tenant}/{function}"});
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message, HasSubstr("'/fn/{tenant}/{function}' disagrees"));
}

TEST(Template, TooManyPrefixesAreAnError)
{
    std::vector<std::string> templates;
    for (int i = 0; i < FNS_LEAF_PREFIXES; ++i)
        templates.push_back("/fn/p" + std::to_string(i) + "-{function}");
    EXPECT_TRUE(make_recognition({}, templates));
    templates.emplace_back("/fn/one-more-{function}");
    EXPECT_THAT(make_recognition({}, templates).error().message, HasSubstr("under /fn; at most 6"));
}

struct BadTemplate {
    std::string_view text;
    std::string_view message;
};

TEST(Template, RefusesWhatCannotBe)
{
    const std::string long_parent = "/" + std::string(FNS_PARENT_PATH_BYTES, 'x') + "/{function}";
    const BadTemplate rows[] = {
        {"", "must begin with '/'"},
        {"fn/{function}", "must begin with '/'"},
        {"/", "has no placeholder"},
        {"/fn", "has no placeholder"},
        {"/fn/", "empty segments"},
        {"/fn//{function}", "empty segments"},
        {"/fn/{function}/", "empty segments"},
        {"/{function}", "must begin with a literal segment"},
        {"/{function*}", "must begin with a literal segment"},
        {"/{tenant}/fn/{function}", "must begin with a literal segment"},
        {"/fn/{function}/leaf", "must end in a placeholder"},
        {"/fn/{function", "has a '{' without its '}'"},
        {"/fn/function}", "has a '}' without its '{'"},
        {"/fn/a}{function}", "has a '}' without its '{'"},
        {"/fn/{function}{instance}", "more than one placeholder"},
        {"/fn/{function}/{function}", "has {function} twice"},
        {"/fn/{}", "placeholder {}"},
        {"/fn/{Function}", "placeholder {Function}"},
        {"/fn/{1}", "placeholder {1}"},
        {"/fn/{function*}/{instance}", "{function*} only as its whole last segment"},
        {"/fn/a-{function*}", "{function*} only as its whole last segment"},
        {"/fn/../{function}", "'.' or '..'"},
        {"/fn/!{function}", "'!' at the beginning"},
        {"/fn/a-prefix-that-is-too-long-{function}", "at most 23 bytes"},
        {long_parent, "at most 127 fit"},
    };
    for (const BadTemplate& row : rows) {
        const auto checked = check_template(row.text);
        ASSERT_FALSE(checked) << row.text;
        EXPECT_THAT(checked.error().message, HasSubstr(std::string(row.message))) << row.text;
    }
}

TEST(Platforms, AreThoseOfTheContract)
{
    EXPECT_THAT(builtin_platforms(),
                ElementsAre("kubernetes", "docker", "containerd", "crio", "podman", "firecracker"));
    EXPECT_EQ(platform_names().back(), "template");
}

}  // namespace
}  // namespace fnshield
