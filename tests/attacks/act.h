// SPDX-License-Identifier: Apache-2.0
//
// trigger: one static program that does the acts that the kernel tests want to see, attacks and look-alikes alike, and
// prints what it did: `trigger NAME [ARGUMENT…]` → lines of "key=value", exit 0 if the act was done (whatever its
// result). A new act is a function and a row in the table of its file; main.cpp knows the tables.
#pragma once

#include <span>
#include <string_view>

namespace fnshield::attacks {

using Arguments = std::span<char* const>;  // what follows the act's name

struct Act {
    std::string_view name;
    std::string_view arguments;  // for --help: "PID ADDRESS"
    int (*run)(Arguments arguments);
};

[[nodiscard]] std::span<const Act> basic_acts();
[[nodiscard]] std::span<const Act> egress_acts();
[[nodiscard]] std::span<const Act> egress_answer_acts();
[[nodiscard]] std::span<const Act> egress_flow_acts();
[[nodiscard]] std::span<const Act> egress_road_acts();
[[nodiscard]] std::span<const Act> entry_acts();
[[nodiscard]] std::span<const Act> file_acts();
[[nodiscard]] std::span<const Act> ipc_acts();
[[nodiscard]] std::span<const Act> memory_acts();
[[nodiscard]] std::span<const Act> privilege_acts();
[[nodiscard]] std::span<const Act> process_acts();
[[nodiscard]] std::span<const Act> proc_acts();
[[nodiscard]] std::span<const Act> rare_acts();

// Any act of any table; null where there is none of that name.
[[nodiscard]] const Act* find_act(std::string_view name);

}  // namespace fnshield::attacks
