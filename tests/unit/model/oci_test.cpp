// SPDX-License-Identifier: Apache-2.0
//
// Names out of config.json as containerd's CRI plugin, CRI-O, nerdctl and plain runc write it, and where it is found.
#include "daemon/model/oci.h"

#include <gmock/gmock.h>

namespace fnshield {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = BundleCandidate::Kind;

TEST(OciConfig, ContainerdCri)
{
    const auto names = parse_oci_config(R"({
        "ociVersion": "1.0.2", "hostname": "resnet-7d9f-x2x4q",
        "process": {"args": ["python3", "app.py"], "env": ["TOKEN=secret"]},
        "annotations": {
            "io.kubernetes.cri.container-name": "user-container",
            "io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.sandbox-name": "resnet-7d9f-x2x4q",
            "io.kubernetes.cri.sandbox-namespace": "acme"}})");
    ASSERT_TRUE(names);
    EXPECT_EQ(names->tenant, "acme");
    EXPECT_EQ(names->function, "user-container");
    EXPECT_EQ(names->instance, "resnet-7d9f-x2x4q");
    EXPECT_EQ(names->hostname, "resnet-7d9f-x2x4q");
    EXPECT_THAT(names->args, ElementsAre("python3", "app.py"));
    EXPECT_FALSE(names->pod_sandbox);
}

TEST(OciConfig, CrioPauseContainer)
{
    const auto names = parse_oci_config(R"({"annotations": {
        "io.kubernetes.cri-o.ContainerType": "sandbox",
        "io.kubernetes.container.name": "POD",
        "io.kubernetes.pod.name": "resnet-1", "io.kubernetes.pod.namespace": "acme"}})");
    ASSERT_TRUE(names);
    EXPECT_TRUE(names->pod_sandbox);
    EXPECT_EQ(names->tenant, "acme");
    EXPECT_EQ(names->instance, "resnet-1");
}

TEST(OciConfig, AServiceGoesBeforeTheContainersName)
{
    const auto names = parse_oci_config(R"({"annotations": {
        "io.kubernetes.container.name": "user-container", "serving.knative.dev/service": "resnet"}})");
    ASSERT_TRUE(names);
    EXPECT_EQ(names->function, "resnet");
}

TEST(OciConfig, OwnAnnotationsGoBeforeAll)
{
    const auto names = parse_oci_config(R"({"annotations": {"io.fnshield.tenant": "t", "io.fnshield.function": "f",
        "io.fnshield.instance": "i", "nerdctl/name": "n", "nerdctl/namespace": "default"}})");
    ASSERT_TRUE(names);
    EXPECT_EQ(names->tenant + names->function + names->instance, "tfi");
}

TEST(OciConfig, PlainRuncSaysNothing)
{
    const auto names = parse_oci_config(R"({"ociVersion": "1.0.2", "hostname": "runc", "process": {"args": ["sh"]}})");
    ASSERT_TRUE(names);
    EXPECT_EQ(names->tenant + names->function + names->instance, "");
    EXPECT_EQ(names->hostname, "runc");
}

TEST(OciConfig, WrongTypesAndBytesDoNoHarm)
{
    const auto names = parse_oci_config(
        "{\"annotations\": {\"io.fnshield.tenant\": 7, \"io.fnshield.function\": \"a\\u001b[31mb\\n\"},"
        " \"hostname\": [], \"process\": {\"args\": {\"a\": 1}}}");
    ASSERT_TRUE(names);
    EXPECT_EQ(names->tenant, "");
    EXPECT_EQ(names->function, "a?[31mb?");
    EXPECT_THAT(names->args, IsEmpty());
    EXPECT_TRUE(parse_oci_config(R"({"annotations": []})"));
}

TEST(OciConfig, RefusesWhatIsNoConfig)
{
    for (const std::string& text : {std::string(), std::string("{"), std::string("[]"), std::string("null"),
                                    std::string("\xff\xfe"), std::string(kOciFileBytes + 1, ' ')})
        EXPECT_FALSE(parse_oci_config(text)) << text.substr(0, 10);
    EXPECT_THAT(parse_oci_config("{\"a\":" + std::string(100'000, '[')).error().message, HasSubstr("config.json"));
    EXPECT_FALSE(parse_oci_config("{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}"));
}

TEST(OciConfig, CutsLongNames)
{
    const auto names = parse_oci_config(R"({"hostname": ")" + std::string(10'000, 'h') + R"("})");
    ASSERT_TRUE(names);
    EXPECT_EQ(names->hostname.size(), 253U);
}

TEST(RuncState, NamesItsBundle)
{
    EXPECT_EQ(parse_runc_state(R"({"id": "i-1", "config": {"labels": ["x=y", "bundle=/srv/fn/i-1"]}})").value(),
              "/srv/fn/i-1");
    for (const std::string_view text :
         {"", "{}", R"({"config": {"labels": []}})", R"({"config": {"labels": ["bundle=relative"]}})",
          R"({"config": {"labels": ["bundle="]}})", R"({"config": {"labels": [7]}})", R"({"config": 7})"})
        EXPECT_FALSE(parse_runc_state(text)) << text;
}

TEST(MergeNames, ATemplatesNamesStay)
{
    OciNames learnt;
    learnt.tenant = "ns";
    learnt.function = "container";
    learnt.instance = "pod";
    const SandboxName by_template{"template", "acme", "resize", ""};
    EXPECT_EQ(merge_names(by_template, learnt), (SandboxName{"template", "acme", "resize", "pod"}));
    const SandboxName by_platform{"kubernetes", "", "", "0123"};
    EXPECT_EQ(merge_names(by_platform, learnt), (SandboxName{"kubernetes", "ns", "container", "pod"}));
    EXPECT_EQ(merge_names(by_platform, {}), by_platform);
}

TEST(ContainerId, OfEachRuntime)
{
    EXPECT_EQ(container_id("/docker/abc"), "abc");
    EXPECT_EQ(container_id("/system.slice/docker-abc.scope"), "abc");
    EXPECT_EQ(container_id("/kubepods.slice/p.slice/cri-containerd-abc.scope"), "abc");
    EXPECT_EQ(container_id("/kubepods/burstable/pod1/crio-abc"), "abc");
    EXPECT_EQ(container_id("/machine.slice/libpod-abc.scope"), "abc");
    EXPECT_EQ(container_id("/fn/acme/resize/i-1"), "i-1");
    EXPECT_EQ(container_id("/"), "");
    EXPECT_EQ(container_id("/a/.."), "");
    EXPECT_EQ(container_id("/a/b c"), "");
}

TEST(BundleCandidates, OfEachPlatform)
{
    const std::string task = "/run/containerd/io.containerd.runtime.v2.task/";
    EXPECT_THAT(bundle_candidates("kubernetes", "/kubepods/pod1/abc"),
                Contains(BundleCandidate{Kind::config, task + "k8s.io/abc/config.json"}));
    EXPECT_THAT(bundle_candidates("docker", "/docker/abc"),
                ElementsAre(BundleCandidate{Kind::config, task + "moby/abc/config.json"},
                            BundleCandidate{Kind::state, "/run/docker/runtime-runc/moby/abc/state.json"}));
    EXPECT_THAT(bundle_candidates("containerd", "/openfaas-fn/figlet"),
                Contains(BundleCandidate{Kind::config, task + "openfaas-fn/figlet/config.json"}));
    EXPECT_THAT(bundle_candidates("containerd", "/system.slice/nerdctl-abc.scope"),
                Contains(BundleCandidate{Kind::config, task + "default/abc/config.json"}));
    EXPECT_THAT(bundle_candidates("podman", "/machine.slice/libpod-abc.scope"),
                Contains(BundleCandidate{Kind::config,
                                         "/var/lib/containers/storage/overlay-containers/abc/userdata/config.json"}));
    EXPECT_THAT(bundle_candidates("template", "/fn/acme/resize/i-1"),
                Contains(BundleCandidate{Kind::state, "/run/runc/i-1/state.json"}));
    EXPECT_THAT(bundle_candidates("firecracker", "/firecracker/abc"), IsEmpty());
    EXPECT_THAT(bundle_candidates("template", "/fn/a b"), IsEmpty());
}

}  // namespace
}  // namespace fnshield
