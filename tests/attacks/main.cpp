// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstring>

#include "tests/attacks/act.h"

namespace {

using fnshield::attacks::Act;

constexpr std::span<const Act> (*kTables[])() = {
    fnshield::attacks::basic_acts,
    fnshield::attacks::egress_acts,
    fnshield::attacks::egress_road_acts,
    fnshield::attacks::memory_acts,
};

}  // namespace

int main(int argc, char** argv)
{
    setvbuf(stdout, nullptr, _IOLBF, 0);
    if (argc < 2 || std::strcmp(argv[1], "--help") == 0) {
        for (const auto table : kTables)
            for (const Act& act : table())
                std::printf("trigger %.*s %.*s\n", static_cast<int>(act.name.size()), act.name.data(),
                            static_cast<int>(act.arguments.size()), act.arguments.data());
        return argc < 2 ? 2 : 0;
    }
    for (const auto table : kTables)
        for (const Act& act : table())
            if (act.name == argv[1])
                return act.run({argv + 2, static_cast<std::size_t>(argc - 2)});
    std::fprintf(stderr, "trigger: no act named '%s'\n", argv[1]);
    return 2;
}
