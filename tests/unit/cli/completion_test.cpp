// SPDX-License-Identifier: Apache-2.0
//
// The completion files that packages install are what the tool prints, and bash completes with them.
#include "daemon/cli/completion.h"

#include <gmock/gmock.h>

#include <sstream>

#include "daemon/cli/command.h"
#include "tests/unit/cli/cli_support.h"

namespace fnshield::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kFolder = FNSHIELD_SOURCE_DIR "/packaging/completions/";

// What bash offers for the last of `words`.
std::vector<std::string> completed(const std::string& file, std::vector<std::string> words)
{
    std::string line;
    for (const std::string& word : words)
        line += " '" + word + "'";
    const std::string script = "source " + kFolder + file + ".bash; COMP_WORDS=(" + line +
                               "); COMP_CWORD=" + std::to_string(words.size() - 1) + "; _" + file +
                               "; printf '%s\\n' \"${COMPREPLY[@]}\"";
    const Ran ran = run({"bash", "-c", script});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    std::vector<std::string> offered;
    std::istringstream lines(ran.out);
    for (std::string one; std::getline(lines, one);)
        offered.push_back(one);
    return offered;
}

TEST(CliCompletion, StoredFilesAreWhatTheToolPrints)
{
    const std::vector<std::pair<std::string, std::string>> files = {{"bash", ".bash"}, {"fish", ".fish"}, {"zsh", ""}};
    for (const auto& [shell, ending] : files) {
        const std::string prefix = shell == "zsh" ? "_" : "";
        EXPECT_EQ(fnshield_cli({"completion", shell}).out, slurp(kFolder + prefix + "fnshield" + ending))
            << "run: fnshield completion " << shell;
        EXPECT_EQ(fnshield_cli({"completion", shell, "--daemon"}).out, slurp(kFolder + prefix + "fnshieldd" + ending))
            << "run: fnshield completion " << shell << " --daemon";
    }
}

TEST(CliCompletion, BashCompletesCommandsOptionsAndValues)
{
    EXPECT_THAT(completed("fnshield", {"fnshield", "sta"}), ElementsAre("status"));
    EXPECT_THAT(completed("fnshield", {"fnshield", "alerts", "--sev"}), ElementsAre("--severity"));
    EXPECT_THAT(completed("fnshield", {"fnshield", "alerts", "--severity", "c"}), ElementsAre("critical"));
    EXPECT_THAT(completed("fnshield", {"fnshield", "events", "--kind", "sandbox_f"}),
                ElementsAre("sandbox_first_request", "sandbox_frozen"));
    EXPECT_THAT(completed("fnshield", {"fnshield", "completion", "f"}), ElementsAre("fish"));
    EXPECT_THAT(completed("fnshield", {"fnshield", "status", "--run-dir", "/us"}), ElementsAre("/usr"));
    EXPECT_THAT(completed("fnshieldd", {"fnshieldd", "--mode", "e"}), ElementsAre("enforce"));
    EXPECT_THAT(completed("fnshieldd", {"fnshieldd", "--po"}), ElementsAre("--policy-dir"));
}

TEST(CliCompletion, EveryCommandOfTheToolIsOffered)
{
    const auto offered = completed("fnshield", {"fnshield", ""});
    for (const char* command : {"status", "sandboxes", "events", "alerts", "show", "reload", "doctor", "completion"})
        EXPECT_THAT(offered, Contains(command));
}

TEST(CliCompletion, EveryOptionOfTheDaemonIsTaken)
{
    const std::string help = run({FNSHIELD_DAEMON, "--help"}).out;
    for (const cli::OptionEntry& option : cli::daemon_entry().top.options)
        EXPECT_THAT(help, HasSubstr(option.names.back()));
}

}  // namespace
}  // namespace fnshield::test
