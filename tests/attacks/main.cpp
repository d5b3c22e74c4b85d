// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstring>

#include "tests/attacks/act.h"

namespace {

using fnshield::attacks::Act;

// clang-format off: one table a line
constexpr std::span<const Act> (*kTables[])() = {
    fnshield::attacks::basic_acts,
    fnshield::attacks::egress_acts,
    fnshield::attacks::egress_answer_acts,
    fnshield::attacks::egress_flow_acts,
    fnshield::attacks::egress_road_acts,
    fnshield::attacks::entry_acts,
    fnshield::attacks::file_acts,
    fnshield::attacks::ipc_acts,
    fnshield::attacks::memory_acts,
    fnshield::attacks::privilege_acts,
    fnshield::attacks::process_acts,
    fnshield::attacks::proc_acts,
    fnshield::attacks::rare_acts,
};
// clang-format on

}  // namespace

const Act* fnshield::attacks::find_act(std::string_view name)
{
    for (const auto table : kTables)
        for (const Act& act : table())
            if (act.name == name)
                return &act;
    return nullptr;
}

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
    if (const Act* act = fnshield::attacks::find_act(argv[1]))
        return act->run({argv + 2, static_cast<std::size_t>(argc - 2)});
    std::fprintf(stderr, "trigger: no act named '%s'\n", argv[1]);
    return 2;
}
