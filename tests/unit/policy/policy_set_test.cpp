// SPDX-License-Identifier: Apache-2.0
//
// Which policy applies: extends, specificity, ties, the shipped policies and what a folder does to them.
#include "daemon/policy/policy_set.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "daemon/detect/detector.h"

namespace fnshield {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

PolicyOptions options()
{
    PolicyOptions made;
    made.is_known_rule = is_known_rule;
    made.node_resolvers = {parse_cidr("192.0.2.53").value()};
    return made;
}

PolicyLoad load_texts(std::vector<std::string> texts)
{
    std::vector<PolicyText> files;
    for (std::size_t i = 0; i < texts.size(); ++i)
        files.push_back({"file" + std::to_string(i) + ".yaml", "version: 1\n" + texts[i]});
    return PolicySet::from_texts(files, options());
}

std::string faults(const PolicyLoad& load)
{
    std::string text;
    for (const Diagnostic& diagnostic : load.diagnostics)
        text += diagnostic.text() + "\n";
    return text;
}

std::string policy_name(const PolicyLoad& load, const SandboxName& name)
{
    return load.set->policy_for(name)->name;
}

const SandboxName kResnet{"template", "acme", "resnet-50", "i-1"};

// The shipped policies

TEST(ShippedPolicies, AreValidAndSilent)
{
    const PolicyLoad load = load_texts({});
    EXPECT_EQ(faults(load), "");
    ASSERT_NE(load.set, nullptr);
    std::vector<std::string> names;
    for (const auto& policy : load.set->policies()) {
        names.push_back(policy->name);
        EXPECT_EQ(policy->file, "");
    }
    EXPECT_THAT(names, ElementsAre("default", "firecracker", "fission", "kube-system", "kubernetes", "ml-inference",
                                   "openwhisk"));
}

TEST(ShippedPolicies, AreTheFilesOfTheFolder)
{
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(fs::path(FNSHIELD_SOURCE_DIR) / "policies"))
        if (entry.path().extension() == ".yaml")
            files[entry.path().filename()] = read_text_file(entry.path().string(), 1U << 20).value();
    ASSERT_EQ(files.size(), shipped_policies().size());
    for (const PolicyText& shipped : shipped_policies())
        EXPECT_EQ(shipped.text, files[shipped.file]) << shipped.file;
}

// Copies of the shipped files in the folder are what a package installs: nothing changes and nothing ties.
TEST(ShippedPolicies, MayStandInTheFolderToo)
{
    const PolicyLoad load = PolicySet::load(std::string(FNSHIELD_SOURCE_DIR) + "/policies", options());
    EXPECT_EQ(faults(load), "");
    ASSERT_NE(load.set, nullptr);
    EXPECT_EQ(load.set->policies().size(), shipped_policies().size());
    EXPECT_THAT(load.set->policy_for({})->file, HasSubstr("policies/default.yaml"));
}

TEST(ShippedPolicies, DefaultIsQuietAndGuardsTheMetadataService)
{
    const PolicyLoad load = load_texts({});
    const auto policy = load.set->policy_for(kResnet);
    EXPECT_EQ(policy->name, "default");
    EXPECT_EQ(policy->ready.kind, ReadyRule::Kind::listen);
    EXPECT_EQ(policy->ready.port, 0);
    EXPECT_THAT(policy->cold_start.budget_ns, Optional(30 * kSecond));
    EXPECT_FALSE(policy->egress.metadata_service_allowed);
    EXPECT_FALSE(policy->exec.init || policy->exec.warm || policy->egress.init || policy->egress.warm);
    EXPECT_FALSE(policy->memory.allow_from);
    ASSERT_EQ(policy->egress.resolvers.size(), 1U);
    EXPECT_EQ(cidr_text(policy->egress.resolvers[0]), "192.0.2.53/32");
}

TEST(ShippedPolicies, PlatformsThatDifferHaveTheirOwn)
{
    const PolicyLoad load = load_texts({});
    EXPECT_EQ(policy_name(load, {"kubernetes", "shop", "cart", "1"}), "kubernetes");
    EXPECT_EQ(policy_name(load, {"kubernetes", "openwhisk", "wsk", "1"}), "openwhisk");
    EXPECT_EQ(load.set->policy_for({"kubernetes", "fission-function", "f", "1"})->ready.kind,
              ReadyRule::Kind::first_response);
    EXPECT_GT(load.set->policy_for({"kubernetes", "openwhisk", "", ""})->egress.resolvers.size(), 1U);
    const auto vmm = load.set->policy_for({"firecracker", "", "", "vm"});
    EXPECT_EQ(vmm->action_for("coldstart.slow"), Action::off);
    EXPECT_THAT(vmm->exec.warm, Optional(IsEmpty()));
    EXPECT_EQ(policy_name(load, {"docker", "", "", "1"}), "default");
}

TEST(ShippedPolicies, AFileOfTheirNameTakesTheirPlace)
{
    const PolicyLoad load = load_texts({"name: default\nextends: default\ncold_start: { budget: 1s }\n"});
    ASSERT_NE(load.set, nullptr) << faults(load);
    const auto policy = load.set->policy_for(kResnet);
    EXPECT_EQ(policy->file, "file0.yaml");
    EXPECT_THAT(policy->cold_start.budget_ns, Optional(kSecond));
    EXPECT_EQ(policy->cold_start.storm_count, 50U);  // from the shipped one
    // Those that extend default now extend this one.
    EXPECT_THAT(load.set->policy_for({"kubernetes", "", "", ""})->cold_start.budget_ns, Optional(kSecond));
}

TEST(ShippedPolicies, AFolderPolicyOfTheSameMatchGoesFirst)
{
    const PolicyLoad load = load_texts({"name: mine\nmatch: { platform: kubernetes }\n", "name: all\nmatch: {}\n"});
    ASSERT_NE(load.set, nullptr) << faults(load);
    EXPECT_EQ(policy_name(load, {"kubernetes", "", "", ""}), "mine");
    EXPECT_EQ(policy_name(load, {"docker", "", "", ""}), "all");
}

// extends

TEST(Extends, KeysOverrideListsReplaceRulesMerge)
{
    const PolicyLoad load = load_texts({R"(name: base
ready: listen:8080
cold_start: { budget: 5s, storm: { count: 7 } }
exec: { init: [ "/bin/sh", "/usr/bin/env" ], warm: [ "/bin/true" ] }
egress: { warm: [ { cidr: 10.0.0.0/8 } ], resolvers: [ 10.0.0.2 ] }
rules:
  isolation.memory_read: { action: off, severity: low }
  coldstart.slow: { severity: low }
)",
                                        R"(name: child
extends: base
match: { function: resnet-50 }
cold_start: { storm: { window: 1m } }
exec: { init: [ "/bin/bash" ] }
rules:
  isolation.memory_read: { severity: critical }
  coldstart.storm: { action: off }
)"});
    ASSERT_NE(load.set, nullptr) << faults(load);
    const auto child = load.set->policy_for(kResnet);
    ASSERT_EQ(child->name, "child");
    EXPECT_EQ(child->ready.port, 8080);
    EXPECT_THAT(child->cold_start.budget_ns, Optional(5 * kSecond));
    EXPECT_EQ(child->cold_start.storm_count, 7U);
    EXPECT_EQ(child->cold_start.storm_window_ns, 60 * kSecond);
    EXPECT_THAT(child->exec.init, Optional(ElementsAre("/bin/bash")));
    EXPECT_THAT(child->exec.warm, Optional(ElementsAre("/bin/true")));
    ASSERT_TRUE(child->egress.warm);
    EXPECT_EQ(child->egress.warm->size(), 1U);
    ASSERT_EQ(child->egress.resolvers.size(), 1U);
    EXPECT_EQ(cidr_text(child->egress.resolvers[0]), "10.0.0.2/32");
    EXPECT_EQ(child->action_for("isolation.memory_read"), Action::off);
    EXPECT_EQ(child->severity_for("isolation.memory_read", Severity::medium), Severity::critical);
    EXPECT_EQ(child->severity_for("coldstart.slow", Severity::medium), Severity::low);
    EXPECT_EQ(child->action_for("coldstart.storm"), Action::off);
}

TEST(Extends, MatchIsNotInherited)
{
    const PolicyLoad load = load_texts(
        {"name: a\nmatch: { tenant: acme, function: x }\n", "name: b\nextends: a\nmatch: { function: resnet-50 }\n"});
    ASSERT_NE(load.set, nullptr) << faults(load);
    EXPECT_EQ(load.set->policy_for({"docker", "other", "resnet-50", ""})->name, "b");
}

TEST(Extends, TheOrderOfFilesDoesNotMatter)
{
    const PolicyLoad load = load_texts({"name: c\nextends: b\nmatch: { function: resnet-50 }\n",
                                        "name: b\nextends: a\n", "name: a\ncold_start: { budget: 3s }\n"});
    ASSERT_NE(load.set, nullptr) << faults(load);
    EXPECT_THAT(load.set->policy_for(kResnet)->cold_start.budget_ns, Optional(3 * kSecond));
    EXPECT_EQ(faults(load), "");
}

TEST(Extends, ACycleIsAnError)
{
    const PolicyLoad load = load_texts({"name: a\nextends: b\n", "name: b\nextends: c\n", "name: c\nextends: a\n"});
    EXPECT_EQ(load.set, nullptr);
    EXPECT_EQ(faults(load), "file2.yaml:3:10: policy 'c' extends itself by way of 'a'\n");
}

// An empty list allows nothing; a key that is absent restricts nothing.
TEST(Lists, EmptyIsNotAbsent)
{
    const PolicyLoad load =
        load_texts({"name: a\nmatch: { function: resnet-50 }\nexec: { warm: [] }\negress: { init: [] }\n"});
    ASSERT_NE(load.set, nullptr) << faults(load);
    const auto policy = load.set->policy_for(kResnet);
    EXPECT_FALSE(policy->exec.init);
    EXPECT_THAT(policy->exec.warm, Optional(IsEmpty()));
    EXPECT_FALSE(policy->egress.warm);
    ASSERT_TRUE(policy->egress.init);
    EXPECT_TRUE(policy->egress.init->empty());
}

TEST(Keys, ThoseOfTheContractAreRead)
{
    const PolicyLoad load = load_texts({R"(name: resnet
match: { platform: "*", tenant: acme, function: "resnet-*" }
extends: default
ready: connect:[fd00::1]:50051
cold_start: { budget: 2s, storm: { count: 50, window: 10s } }
exec:
  init: [ "/usr/bin/python3*", "/bin/sh" ]
  warm: []
egress:
  init: [ { dns: "*.Models.Example.", ports: [443] } ]
  warm: [ { cidr: 10.20.0.0/16, ports: [5432, 5433] } ]
  metadata_service: allow
files:
  models:  [ "/models/**" ]
  secrets: [ "/run/secrets/**" ]
  code:    [ "/app/**" ]
memory: { allow_from: [ resize, acme/thumbnail, /usr/bin/gdb ] }
rules:
  coldstart.slow: { severity: low }
)"});
    ASSERT_NE(load.set, nullptr) << faults(load);
    EXPECT_EQ(faults(load), "");
    const auto policy = load.set->policy_for(kResnet);
    ASSERT_EQ(policy->name, "resnet");
    EXPECT_EQ(policy->ready.kind, ReadyRule::Kind::connect);
    EXPECT_EQ(policy->ready.address.address_text(), "fd00::1");
    EXPECT_EQ(policy->ready.address.port, 50051);
    EXPECT_EQ(policy->egress.init->at(0).dns, "*.models.example");
    EXPECT_FALSE(policy->egress.init->at(0).cidr);
    EXPECT_THAT(policy->egress.init->at(0).ports, ElementsAre(443));
    EXPECT_EQ(cidr_text(*policy->egress.warm->at(0).cidr), "10.20.0.0/16");
    EXPECT_THAT(policy->egress.warm->at(0).ports, ElementsAre(5432, 5433));
    EXPECT_TRUE(policy->egress.metadata_service_allowed);
    EXPECT_THAT(policy->files.models, ElementsAre("/models/**"));
    EXPECT_THAT(policy->files.secrets, ElementsAre("/run/secrets/**"));
    EXPECT_THAT(policy->files.code, ElementsAre("/app/**"));
    EXPECT_THAT(policy->memory.allow_from, Optional(ElementsAre("resize", "acme/thumbnail", "/usr/bin/gdb")));
}

// Specificity and ties

TEST(Specificity, FunctionThenTenantThenPlatform)
{
    const PolicyLoad load = load_texts(
        {"name: platform\nmatch: { platform: template }\n", "name: tenant\nmatch: { tenant: acme }\n",
         "name: tenant-glob\nmatch: { tenant: \"ac*\" }\n", "name: short-glob\nmatch: { function: \"res*\" }\n",
         "name: long-glob\nmatch: { function: \"resnet-*\" }\n", "name: plain\nmatch: { function: resnet-50 }\n",
         "name: plain-of-tenant\nmatch: { function: resnet-50, tenant: acme }\n"});
    ASSERT_NE(load.set, nullptr) << faults(load);
    EXPECT_EQ(policy_name(load, {"template", "acme", "resnet-50", ""}), "plain-of-tenant");
    EXPECT_EQ(policy_name(load, {"template", "other", "resnet-50", ""}), "plain");
    EXPECT_EQ(policy_name(load, {"template", "acme", "resnet-18", ""}), "long-glob");
    EXPECT_EQ(policy_name(load, {"template", "acme", "resize", ""}), "short-glob");
    EXPECT_EQ(policy_name(load, {"template", "acme", "x", ""}), "tenant");
    EXPECT_EQ(policy_name(load, {"template", "acorn", "x", ""}), "tenant-glob");
    EXPECT_EQ(policy_name(load, {"template", "b", "x", ""}), "platform");
    EXPECT_EQ(policy_name(load, {"docker", "b", "x", ""}), "default");
    EXPECT_EQ(policy_name(load, {}), "default");
}

TEST(Specificity, AnswersAreTheSameTheSecondTime)
{
    const PolicyLoad load = load_texts({"name: a\nmatch: { function: \"res*\" }\n"});
    ASSERT_NE(load.set, nullptr);
    const auto first = load.set->policy_for(kResnet);
    SandboxName other_instance = kResnet;
    other_instance.instance = "i-2";
    EXPECT_EQ(load.set->policy_for(other_instance), first);
    for (int i = 0; i < 20'000; ++i)  // more than are kept
        ASSERT_EQ(policy_name(load, {"docker", "t", "f" + std::to_string(i), ""}), "default");
    EXPECT_EQ(load.set->policy_for(kResnet), first);
}

struct TiePair {
    std::string_view first;
    std::string_view second;
    bool ties;
};

constexpr TiePair kPairs[] = {
    {"{ function: resnet }", "{ function: resnet }", true},
    {"{ function: resnet }", "{ function: resize }", false},
    {"{ function: \"a*b\" }", "{ function: \"a*c\" }", false},
    {"{ function: \"a*\" }", "{ function: \"*b\" }", true},
    {"{ function: \"ab*\" }", "{ function: \"a*b\" }", true},
    {"{ function: \"ab*\" }", "{ function: \"cd*\" }", false},
    {"{ function: \"a?\" }", "{ function: \"?b\" }", true},
    {"{ function: \"a?\" }", "{ function: \"b?\" }", false},
    {"{ function: \"a?c\" }", "{ function: \"*ac\" }", true},
    {"{ function: \"a?\" }", "{ function: \"a*\" }", true},
    {"{ function: \"a*\" }", "{ function: \"ab*\" }", false},  // more literal characters
    {"{ function: \"a*\", tenant: x }", "{ function: \"*b\", tenant: y }", false},
    {"{ function: \"a*\", tenant: x }", "{ function: \"*b\" }", false},
    {"{ tenant: x, platform: docker }", "{ tenant: x, platform: crio }", false},
    {"{ tenant: x, platform: docker }", "{ tenant: x, platform: docker }", true},
    {"{}", "{ function: \"*\" }", true},
};

TEST(Ties, AreThoseThatCanMatchTheSame)
{
    for (const TiePair& pair : kPairs) {
        const PolicyLoad load = load_texts({"name: first\nmatch: " + std::string(pair.first) + "\n",
                                            "name: second\nmatch: " + std::string(pair.second) + "\n"});
        EXPECT_EQ(load.set == nullptr, pair.ties) << pair.first << " and " << pair.second << "\n" << faults(load);
    }
}

TEST(Ties, NameBothPolicies)
{
    const PolicyLoad load = load_texts({"name: a\nmatch: { tenant: x }\n", "name: b\nmatch: { tenant: x }\n"});
    EXPECT_EQ(faults(load),
              "file1.yaml:3:1: policy 'b' ties with 'a' (file0.yaml): both can match the same sandbox and "
              "neither is more specific\n");
}

TEST(Names, AreGivenOnce)
{
    const PolicyLoad load = load_texts({"name: a\nmatch: { tenant: x }\n", "name: a\nmatch: { tenant: y }\n"});
    EXPECT_EQ(faults(load), "file1.yaml:2:7: policy 'a' is in file0.yaml as well\n");
}

// The folder

class PolicyFolder : public testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = (fs::temp_directory_path() / "fnshield-policies-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { fs::remove_all(folder_); }
    void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }

    fs::path folder_;
};

TEST_F(PolicyFolder, ReadsYamlFilesInOrder)
{
    write("b.yaml", "version: 1\nname: b\nmatch: { function: b }\n");
    write("a.yaml", "version: 1\nname: a\nmatch: { function: a }\n");
    write("notes.txt", "not a policy");
    write(".hidden.yaml", "not a policy");
    const PolicyLoad load = PolicySet::load(folder_, options());
    ASSERT_NE(load.set, nullptr) << faults(load);
    EXPECT_EQ(faults(load), "");
    EXPECT_EQ(load.set->policy_for({"", "", "a", ""})->file, (folder_ / "a.yaml").string());
    EXPECT_EQ(load.set->policy_for({"", "", "b", ""})->name, "b");
}

TEST_F(PolicyFolder, AYmlFileIsNotReadSilently)
{
    write("a.yml", "version: 1\nname: a\n");
    const PolicyLoad load = PolicySet::load(folder_, options());
    ASSERT_NE(load.set, nullptr);
    EXPECT_THAT(faults(load), AllOf(HasSubstr("a.yml:1:1: warning:"), HasSubstr("*.yaml")));
}

TEST_F(PolicyFolder, OneThatIsMissingIsAnErrorOnlyWhereItWasAskedFor)
{
    PolicyOptions how = options();
    const std::string missing = (folder_ / "missing").string();
    EXPECT_EQ(faults(PolicySet::load(missing, how)),
              missing + ":1:1: cannot read the policy folder: No such file or directory\n");
    how.directory_required = false;
    const PolicyLoad load = PolicySet::load(missing, how);
    EXPECT_EQ(faults(load), "");
    ASSERT_NE(load.set, nullptr);
    EXPECT_EQ(load.set->policy_for(kResnet)->name, "default");
}

TEST_F(PolicyFolder, AFileInItsPlaceIsAnErrorAlways)
{
    write("file", "");
    PolicyOptions how = options();
    how.directory_required = false;
    const PolicyLoad load = PolicySet::load((folder_ / "file").string(), how);
    EXPECT_EQ(load.set, nullptr);
    EXPECT_THAT(faults(load), HasSubstr("Not a directory"));
}

TEST_F(PolicyFolder, WhatIsNoReadableFileIsAnError)
{
    ASSERT_EQ(::mkfifo((folder_ / "pipe.yaml").c_str(), 0600), 0);
    fs::create_directory(folder_ / "folder.yaml");
    fs::create_symlink("nowhere", folder_ / "link.yaml");
    const PolicyLoad load = PolicySet::load(folder_, options());
    EXPECT_EQ(load.set, nullptr);
    EXPECT_EQ(faults(load), (folder_ / "folder.yaml").string() + ":1:1: cannot read: Is a directory\n" +
                                (folder_ / "link.yaml").string() + ":1:1: cannot open: No such file or directory\n" +
                                (folder_ / "pipe.yaml").string() + ":1:1: not a regular file\n");
}

TEST_F(PolicyFolder, AHugeFileIsAnError)
{
    write("huge.yaml", std::string((1U << 20) + 1, '#'));
    const PolicyLoad load = PolicySet::load(folder_, options());
    EXPECT_EQ(faults(load), (folder_ / "huge.yaml").string() + ":1:1: larger than 1048576 bytes\n");
}

TEST(ResolvConf, GivesItsNameservers)
{
    std::vector<std::string> texts;
    for (const Cidr& cidr : parse_resolv_conf("# nameserver 1.1.1.1\nsearch example\nnameserver 10.0.0.2\n"
                                              "nameserver\t127.0.0.53 # stub\nnameserver fe80::1%eth0\r\n"
                                              "nameservers 9.9.9.9\nnameserver nonsense\nnameserver\nnameserver ::1"))
        texts.push_back(cidr_text(cidr));
    EXPECT_THAT(texts, ElementsAre("10.0.0.2/32", "127.0.0.53/32", "fe80::1/128", "::1/128"));
    std::string many;
    for (int i = 0; i < 100; ++i)
        many += "nameserver 10.0.0.1\n";
    EXPECT_EQ(parse_resolv_conf(many).size(), 16U);
}

}  // namespace
}  // namespace fnshield
