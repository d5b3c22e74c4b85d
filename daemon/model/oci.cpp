// SPDX-License-Identifier: Apache-2.0
//
// config.json and state.json → names; cgroup path → where those files are.
#include "daemon/model/oci.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "daemon/model/path_template.h"

namespace fnshield {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kNameBytes = 253;
constexpr std::size_t kArgs = 64;
constexpr std::size_t kArgBytes = 4096;
constexpr int kDepth = 64;

constexpr auto kTenantKeys = std::to_array<std::string_view>({
    "io.fnshield.tenant",
    "io.kubernetes.cri.sandbox-namespace",  // containerd
    "io.kubernetes.pod.namespace",          // CRI-O
    "nerdctl/namespace",
});

constexpr auto kFunctionKeys = std::to_array<std::string_view>({
    "io.fnshield.function",
    "serving.knative.dev/service",
    "com.openfaas.function",
    "faas_function",
    "functionName",  // Fission
    "nerdctl/name",
    "io.kubernetes.cri.container-name",
    "io.kubernetes.container.name",
});

constexpr auto kInstanceKeys = std::to_array<std::string_view>({
    "io.fnshield.instance",
    "io.kubernetes.cri.sandbox-name",
    "io.kubernetes.pod.name",
});

constexpr auto kContainerTypeKeys = std::to_array<std::string_view>({
    "io.kubernetes.cri.container-type",
    "io.kubernetes.cri-o.ContainerType",
});

// containerd's namespaces that functions are run in. Docker's own is "moby".
constexpr auto kContainerdNamespaces = std::to_array<std::string_view>({"default", "openfaas-fn", "k8s.io", "moby"});

// A file of another depth than any real one is refused before it can use up the stack.
Result<Json> parse(std::string_view text)
{
    if (text.size() > kOciFileBytes)
        return fail("larger than any such file");
    bool too_deep = false;
    const auto limit = [&](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > kDepth;
        return !too_deep;
    };
    Json root = Json::parse(text, limit, /*allow_exceptions=*/false);
    if (too_deep)
        return fail("nested too deeply");
    if (!root.is_object())
        return fail("not a JSON object");
    return root;
}

const Json* member(const Json& object, std::string_view key)
{
    if (!object.is_object())
        return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

// A string, cut, with what is not printable ASCII replaced: it goes into alerts, labels and terminals.
std::string clean(const Json* value, std::size_t longest = kNameBytes)
{
    if (value == nullptr || !value->is_string())
        return {};
    std::string text = value->get_ref<const std::string&>().substr(0, longest);
    std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
    return text;
}

std::string first_of(const Json* annotations, std::span<const std::string_view> keys)
{
    if (annotations == nullptr)
        return {};
    for (const std::string_view key : keys)
        if (std::string value = clean(member(*annotations, key)); !value.empty())
            return value;
    return {};
}

}  // namespace

Result<OciNames> parse_oci_config(std::string_view text)
{
    const auto root = parse(text);
    if (!root)
        return fail("config.json: " + root.error().message);
    const Json* annotations = member(*root, "annotations");
    OciNames names{.tenant = first_of(annotations, kTenantKeys),
                   .function = first_of(annotations, kFunctionKeys),
                   .instance = first_of(annotations, kInstanceKeys),
                   .hostname = clean(member(*root, "hostname")),
                   .args = {},
                   .pod_sandbox = first_of(annotations, kContainerTypeKeys) == "sandbox"};
    const Json* process = member(*root, "process");
    const Json* args = process == nullptr ? nullptr : member(*process, "args");
    if (args != nullptr && args->is_array())
        for (const Json& arg : *args)
            if (names.args.size() < kArgs)
                names.args.push_back(clean(&arg, kArgBytes));
    return names;
}

Result<std::string> parse_runc_state(std::string_view text)
{
    const auto root = parse(text);
    if (!root)
        return fail("state.json: " + root.error().message);
    const Json* config = member(*root, "config");
    const Json* labels = config == nullptr ? nullptr : member(*config, "labels");
    if (labels != nullptr && labels->is_array()) {
        constexpr std::string_view kBundle = "bundle=";
        for (const Json& label : *labels) {
            const std::string value = label.is_string() ? label.get<std::string>() : std::string();
            if (value.starts_with(kBundle) && value.size() <= 4096 && value[kBundle.size()] == '/' &&
                value.find('\0') == std::string::npos)
                return value.substr(kBundle.size());
        }
    }
    return fail("state.json: no label 'bundle=' with an absolute path");
}

SandboxName merge_names(const SandboxName& from_path, const OciNames& learnt)
{
    SandboxName name = from_path;
    const bool chosen = from_path.platform == "template";
    const auto take = [&](std::string& to, const std::string& value) {
        if (!value.empty() && (!chosen || to.empty()))
            to = value;
    };
    take(name.tenant, learnt.tenant);
    take(name.function, learnt.function);
    take(name.instance, learnt.instance);
    return name;
}

std::string container_id(std::string_view cgroup_path)
{
    const std::vector<std::string_view> segments = path_segments(cgroup_path);
    if (segments.empty())
        return {};
    std::string_view id = segments.back();
    if (id.ends_with(".scope")) {
        id.remove_suffix(std::string_view(".scope").size());
        for (const std::string_view prefix : {"cri-containerd-", "crio-", "docker-", "nerdctl-", "libpod-"}) {
            if (id.starts_with(prefix)) {
                id.remove_prefix(prefix.size());
                break;
            }
        }
    } else if (id.starts_with("crio-") || id.starts_with("libpod-")) {
        id.remove_prefix(id.find('-') + 1);
    }
    const bool valid = std::ranges::all_of(id, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_.-+").contains(c);
    });
    return valid && id != "." && id != ".." ? std::string(id) : std::string();
}

std::vector<BundleCandidate> bundle_candidates(std::string_view platform, std::string_view cgroup_path)
{
    using Kind = BundleCandidate::Kind;
    const std::string id = container_id(cgroup_path);
    std::vector<BundleCandidate> found;
    if (id.empty() || platform == "firecracker")
        return found;
    const auto containerd = [&](std::string_view ns) {
        found.push_back(
            {Kind::config, fmt::format("/run/containerd/io.containerd.runtime.v2.task/{}/{}/config.json", ns, id)});
    };
    const auto libpod = [&](std::string_view storage) {
        found.push_back({Kind::config, fmt::format("/run/containers/storage/{}/{}/userdata/config.json", storage, id)});
        found.push_back(
            {Kind::config, fmt::format("/var/lib/containers/storage/{}/{}/userdata/config.json", storage, id)});
    };
    if (platform == "kubernetes")
        containerd("k8s.io");
    if (platform == "kubernetes" || platform == "docker")
        containerd("moby");
    if (platform == "containerd") {
        const std::string_view first = path_segments(cgroup_path).front();
        containerd(first == "system.slice" ? "default" : first);
    }
    if (platform == "kubernetes" || platform == "crio" || platform == "podman")
        libpod("overlay-containers");
    if (platform == "template") {
        // A container put there by `cgroupsPath`: any runtime's. faasd's namespace is the first segment.
        for (const std::string_view ns : kContainerdNamespaces)
            containerd(ns);
    }
    if (platform == "docker")
        found.push_back({Kind::state, fmt::format("/run/docker/runtime-runc/moby/{}/state.json", id)});
    if (platform != "docker")
        found.push_back({Kind::state, fmt::format("/run/runc/{}/state.json", id)});
    return found;
}

}  // namespace fnshield
