// SPDX-License-Identifier: Apache-2.0
//
// Cases that only hold where the kernel has a hook: skipped elsewhere, and the reason names the hook that Host did not
// find. Never by a version number.
#pragma once

#include <string>
#include <string_view>

namespace fnshield::testing {

// Empty where the hook (as in ProgramSpec) is there, or where another backend than the fallback is under test
// (FNSHIELD_TEST_BACKEND); else what to say of a case that the fallback sees nowhere else.
[[nodiscard]] std::string missing_hook(std::string_view hook);
// The kernel has it, whatever the backend.
[[nodiscard]] bool has_hook(std::string_view hook);

}  // namespace fnshield::testing

#define SKIP_WITHOUT_HOOK(hook)                                                                \
    if (const std::string missing = ::fnshield::testing::missing_hook(hook); !missing.empty()) \
    GTEST_SKIP() << missing
