// SPDX-License-Identifier: Apache-2.0
//
// Built-in recognisers in a table, templates of the configuration, and what both mean for the kernel side.
//
// Paths are those that the runtimes make: kubelet's two cgroup drivers (also under --cgroup-root=/kubelet), Docker,
// nerdctl and faasd on containerd, CRI-O, Podman, Firecracker's jailer. CRI-O and Podman keep their monitor (conmon) in
// a cgroup beside the container's whose name begins alike; it is part of the host, hence the refused prefixes.
#include "daemon/model/recognise.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "daemon/model/path_template.h"
#include "fnshield/abi/tables.h"

namespace fnshield {
namespace {

// One way in which a platform lays out its cgroups.
struct Layout {
    std::string_view platform;
    std::string_view path;          // a template
    std::string_view refused = {};  // leaves that begin so are not sandboxes
    std::string_view tenant = {};   // where the path itself says so
    // A parent that differs from the template's own: sandboxes at any depth below it, told by the leaf's prefix.
    std::string_view any_depth_below = {};
};

constexpr std::string_view kKubepods = "/kubepods.slice";
constexpr std::string_view kKubelet = "/kubelet.slice/kubelet-kubepods.slice";
constexpr std::string_view kConmon = "crio-conmon-";
constexpr std::string_view kLibpodConmon = "libpod-conmon-";

// Of one platform, the first that fits names the sandbox.
constexpr Layout kLayouts[] = {
    // cgroupfs driver: guaranteed pods stand beside the folders of the two other classes
    {"kubernetes", "/kubepods/pod{pod}/crio-{instance}", kConmon},
    {"kubernetes", "/kubepods/pod{pod}/{instance}", kConmon},
    {"kubernetes", "/kubepods/burstable/pod{pod}/crio-{instance}", kConmon},
    {"kubernetes", "/kubepods/burstable/pod{pod}/{instance}", kConmon},
    {"kubernetes", "/kubepods/besteffort/pod{pod}/crio-{instance}", kConmon},
    {"kubernetes", "/kubepods/besteffort/pod{pod}/{instance}", kConmon},
    {"kubernetes", "/kubelet/kubepods/pod{pod}/{instance}", kConmon},
    {"kubernetes", "/kubelet/kubepods/burstable/pod{pod}/{instance}", kConmon},
    {"kubernetes", "/kubelet/kubepods/besteffort/pod{pod}/{instance}", kConmon},
    // systemd driver
    {"kubernetes", "/kubepods.slice/{pod}/cri-containerd-{instance}.scope", {}, {}, kKubepods},
    {"kubernetes", "/kubepods.slice/{class}/{pod}/cri-containerd-{instance}.scope", {}, {}, kKubepods},
    {"kubernetes", "/kubepods.slice/{pod}/crio-{instance}.scope", kConmon, {}, kKubepods},
    {"kubernetes", "/kubepods.slice/{class}/{pod}/crio-{instance}.scope", kConmon, {}, kKubepods},
    {"kubernetes", "/kubepods.slice/{pod}/docker-{instance}.scope", {}, {}, kKubepods},
    {"kubernetes", "/kubepods.slice/{class}/{pod}/docker-{instance}.scope", {}, {}, kKubepods},
    {"kubernetes", "/kubelet.slice/kubelet-kubepods.slice/{pod}/cri-containerd-{instance}.scope", {}, {}, kKubelet},
    {"kubernetes",
     "/kubelet.slice/kubelet-kubepods.slice/{class}/{pod}/cri-containerd-{instance}.scope",
     {},
     {},
     kKubelet},
    {"kubernetes", "/kubelet.slice/kubelet-kubepods.slice/{pod}/crio-{instance}.scope", kConmon, {}, kKubelet},
    {"kubernetes", "/kubelet.slice/kubelet-kubepods.slice/{class}/{pod}/crio-{instance}.scope", kConmon, {}, kKubelet},

    {"docker", "/docker/{instance}"},
    {"docker", "/system.slice/docker-{instance}.scope"},

    {"containerd", "/openfaas-fn/{function}", {}, "openfaas-fn"},
    {"containerd", "/default/{instance}"},
    {"containerd", "/system.slice/nerdctl-{instance}.scope"},

    {"crio", "/crio/crio-{instance}", kConmon},
    {"crio", "/system.slice/crio-{instance}.scope", kConmon},

    {"podman", "/machine.slice/libpod-{instance}.scope", kLibpodConmon, {}, "/machine.slice"},
    {"podman", "/machine.slice/{pod}/libpod-{instance}.scope", kLibpodConmon, {}, "/machine.slice"},
    {"podman", "/libpod_parent/libpod-{instance}", kLibpodConmon, {}, "/libpod_parent"},
    {"podman", "/libpod_parent/{pod}/libpod-{instance}", kLibpodConmon, {}, "/libpod_parent"},

    {"firecracker", "/firecracker/{instance}"},
};

constexpr std::string_view kTemplatePlatform = "template";

struct Pattern {
    PathTemplate path;
    std::string platform;
    std::string tenant;
    std::string refused;
};

class PatternRecogniser final : public Recogniser {
public:
    explicit PatternRecogniser(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {}

    [[nodiscard]] SandboxName recognise(std::string_view cgroup_path) const override
    {
        const std::vector<std::string_view> segments = path_segments(cgroup_path);
        if (segments.empty())
            return {};
        for (const Pattern& pattern : patterns_) {
            if (!pattern.refused.empty() && segments.back().starts_with(pattern.refused))
                continue;
            auto values = pattern.path.match(segments);
            if (!values)
                continue;
            SandboxName name{.platform = pattern.platform, .tenant = pattern.tenant, .function = {}, .instance = {}};
            for (auto& [key, value] : *values) {
                if (key == "tenant")
                    name.tenant = std::move(value);
                else if (key == "function")
                    name.function = std::move(value);
                else if (key == "instance")
                    name.instance = std::move(value);
            }
            return name;
        }
        return {};
    }

private:
    std::vector<Pattern> patterns_;
};

bool is_refusal(const std::string& prefix)
{
    return prefix.starts_with(FNS_LEAF_PREFIX_NOT);
}

// Takes any name but for its refusals.
bool takes_any(const ParentSpec& parent)
{
    return std::ranges::all_of(parent.leaf_prefixes, is_refusal);
}

// Both under one path. Refusals stand first, since the first prefix that fits decides.
void merge(ParentSpec& into, const ParentSpec& other)
{
    const bool any = takes_any(into) || takes_any(other);
    into.leaf_prefixes.insert(into.leaf_prefixes.end(), other.leaf_prefixes.begin(), other.leaf_prefixes.end());
    std::ranges::sort(into.leaf_prefixes, [](const std::string& a, const std::string& b) {
        return std::pair(!is_refusal(a), std::string_view(a)) < std::pair(!is_refusal(b), std::string_view(b));
    });
    const auto [first, last] = std::ranges::unique(into.leaf_prefixes);
    into.leaf_prefixes.erase(first, last);
    if (any)
        std::erase_if(into.leaf_prefixes, [](const std::string& prefix) { return !is_refusal(prefix); });
}

ParentSpec parent_of(const Layout& layout, const PathTemplate& path)
{
    ParentSpec parent = path.parent();
    if (!layout.any_depth_below.empty()) {
        parent.path = layout.any_depth_below;
        parent.depth = 1;
        parent.rest = true;
    }
    if (!layout.refused.empty())
        parent.leaf_prefixes.insert(parent.leaf_prefixes.begin(), FNS_LEAF_PREFIX_NOT + std::string(layout.refused));
    return parent;
}

// Parents by path. Two that disagree about the depth cannot both hold.
class Parents {
public:
    // False where another of the same path has another depth.
    [[nodiscard]] bool add(const ParentSpec& parent)
    {
        const auto [found, fresh] = by_path_.try_emplace(parent.path, parent);
        if (fresh)
            return true;
        if (found->second.depth != parent.depth || found->second.rest != parent.rest)
            return false;
        merge(found->second, parent);
        return true;
    }

    [[nodiscard]] Result<std::vector<ParentSpec>> take() &&
    {
        std::vector<ParentSpec> list;
        for (auto& [path, parent] : by_path_) {
            if (parent.leaf_prefixes.size() > FNS_LEAF_PREFIXES)
                return fail(
                    fmt::format("{} ways to begin a sandbox's name under {}; at most {} fit (a platform that is not "
                                "in use can be left out of 'platforms')",
                                parent.leaf_prefixes.size(), path, FNS_LEAF_PREFIXES));
            list.push_back(std::move(parent));
        }
        return list;
    }

private:
    std::map<std::string, ParentSpec> by_path_;
};

Result<std::vector<Pattern>> compile_templates(std::span<const std::string> templates, Parents& parents)
{
    std::vector<Pattern> patterns;
    for (const std::string& text : templates) {
        auto path = PathTemplate::make(text);
        if (!path)
            return fail(fmt::format("template '{}' {}", text, path.error().message));
        if (!parents.add(path->parent()))
            return fail(fmt::format("template '{}' disagrees with another about how deep under {} sandboxes lie", text,
                                    path->parent().path));
        // In the kernel the parent with the longest path counts; so it does here.
        const auto length = [](const Pattern& pattern) { return pattern.path.parent().path.size(); };
        const auto place = std::ranges::upper_bound(patterns, path->parent().path.size(), std::greater{}, length);
        patterns.insert(place, {std::move(*path), std::string(kTemplatePlatform), "", ""});
    }
    return patterns;
}

}  // namespace

Result<Recognition> make_recognition(std::span<const std::string> platforms, std::span<const std::string> templates)
{
    Recognition made;
    Parents parents;
    auto patterns = compile_templates(templates, parents);
    if (!patterns)
        return pass(std::move(patterns));
    const std::vector<std::string_view> known = builtin_platforms();
    for (const std::string& platform : platforms) {
        if (std::ranges::find(known, platform) == known.end())
            return fail(fmt::format("no platform '{}'", platform));
        for (const Layout& layout : kLayouts) {
            if (layout.platform != platform)
                continue;
            auto path = PathTemplate::make(layout.path);
            if (!path)
                return pass(std::move(path), fmt::format("built-in layout {}", layout.path));
            if (!parents.add(parent_of(layout, *path)))
                made.notes.push_back(
                    fmt::format("{}: a template takes the place of the built-in {}", platform, layout.path));
            patterns->push_back({std::move(*path), platform, std::string(layout.tenant), std::string(layout.refused)});
        }
    }
    auto list = std::move(parents).take();
    if (!list)
        return pass(std::move(list));
    made.parents = std::move(*list);
    made.recogniser = std::make_unique<const PatternRecogniser>(std::move(*patterns));
    return made;
}

Result<void> check_template(std::string_view text)
{
    auto path = PathTemplate::make(text);
    if (!path)
        return pass(std::move(path));
    return {};
}

std::vector<std::string_view> builtin_platforms()
{
    std::vector<std::string_view> names;
    for (const Layout& layout : kLayouts)
        if (std::ranges::find(names, layout.platform) == names.end())
            names.push_back(layout.platform);
    return names;
}

std::vector<std::string_view> platform_names()
{
    std::vector<std::string_view> names = builtin_platforms();
    names.push_back(kTemplatePlatform);
    return names;
}

}  // namespace fnshield
