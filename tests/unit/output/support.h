// SPDX-License-Identifier: Apache-2.0
//
// A folder of its own for a test, and what is in a file.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "daemon/respond/alert.h"

namespace fnshield::test {

class TempFolder {
public:
    TempFolder()
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "fnshield-test-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr)
            ADD_FAILURE() << "cannot make a folder";
        path_ = pattern;
    }
    ~TempFolder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline std::string read_all(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

inline Alert sample_alert()
{
    Alert alert;
    alert.id = "01JDGK5T2G0000000000000001";
    alert.time_ns = alert.first_seen_ns = alert.last_seen_ns = 5 * kSecond;
    alert.node = "worker-7";
    alert.rule = "isolation.memory_read";
    alert.category = Category::infrastructure;
    alert.severity = Severity::critical;
    alert.summary = "resize/i-1 read memory of warm sandbox resnet/i-4 (process_vm_readv)";
    alert.sandbox =
        AlertSandbox{.id = 4711, .cgroup = "/fn/acme/resize/i-1", .name = {"template", "acme", "resize", "i-1"}};
    alert.taken = Action::alert;
    alert.policy = "default";
    return alert;
}

}  // namespace fnshield::test
