// SPDX-License-Identifier: Apache-2.0
#include "tests/support/needs.h"

#include "daemon/kernel/programs.h"

namespace fnshield::testing {

std::string missing_hook(std::string_view hook)
{
    static const Result<Host> host = Host::probe();
    if (!host)
        return host.error().message;
    return hook_exists(hook, *host) ? "" : "this kernel has no " + std::string(hook);
}

}  // namespace fnshield::testing
