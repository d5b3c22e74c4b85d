// SPDX-License-Identifier: Apache-2.0
#include "tests/support/needs.h"

#include <sys/wait.h>
#include <unistd.h>

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

bool has_compat_entry()
{
    static const bool has = [] {
        const pid_t child = fork();
        if (child == 0) {
            long result = 20;  // getpid
            asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
            _exit(result == getpid() ? 0 : 1);
        }
        int status = 0;
        return child > 0 && waitpid(child, &status, 0) == child && status == 0;
    }();
    return has;
}

}  // namespace fnshield::testing
