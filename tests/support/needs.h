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

// System calls by the 32-bit entry (int 0x80) work. Also where the kernel was built with them, a confidential virtual
// machine or ia32_emulation=0 turns them off.
[[nodiscard]] bool has_compat_entry();

}  // namespace fnshield::testing

#define SKIP_WITHOUT_HOOK(hook)                                                                \
    if (const std::string missing = ::fnshield::testing::missing_hook(hook); !missing.empty()) \
    GTEST_SKIP() << missing

// For a case whose act, by its name in tests/attacks, may go by the 32-bit entry.
#define SKIP_WITHOUT_ENTRY_OF(act)                                                                        \
    if (const std::string_view named = (act);                                                             \
        (named.ends_with("_32") || named.contains("compat")) && !::fnshield::testing::has_compat_entry()) \
    GTEST_SKIP() << "system calls by the 32-bit entry are turned off here"
