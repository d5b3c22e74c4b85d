// SPDX-License-Identifier: Apache-2.0
#include "tests/support/needs.h"

#include <cstdlib>

#include "daemon/kernel/programs.h"

namespace fnshield::testing {

std::string missing_hook(std::string_view hook)
{
    const char* backend = std::getenv("FNSHIELD_TEST_BACKEND");
    if (backend != nullptr && backend != std::string_view("tracepoint"))
        return "";
    return has_hook(hook) ? "" : "this kernel has no " + std::string(hook.substr(hook.find(':') + 1));
}

bool has_hook(std::string_view hook)
{
    static const Result<Host> host = Host::probe();
    return host && hook_exists(hook, *host);
}

}  // namespace fnshield::testing
