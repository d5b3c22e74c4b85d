// SPDX-License-Identifier: Apache-2.0
//
// The rows with a name in a policy's egress lists, as the kernel side enforces them (the map listed_names): by the
// answers that a sandbox gets. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/policy/policy.h"
#include "fnshield/abi/policy.h"

namespace fnshield {

struct ListedName {
    fns_name_key key{};
    fns_ports ports{};
};

// A row that the kernel side cannot enforce: egress by it is refused in enforce mode.
struct UnsupportedName {
    fns_list list = FNS_LIST_EGRESS_INIT;
    std::size_t index = 0;  // in that list of the policy
    std::string reason;
};

struct CompiledNames {
    std::vector<ListedName> rows;  // one for each list and name; where there are any, FNS_POLICY_NAMES_LISTED is due
    std::vector<UnsupportedName> unsupported;
};

[[nodiscard]] CompiledNames compile_names(const Policy& policy, std::uint32_t policy_id);

// The bytes that a name begins with when it is read backwards: "*.models.example" → "elpmaxe.sledom.", and with a zero
// at the end where the glob is a whole name. Nothing where it is a glob of another form, or too long.
[[nodiscard]] std::optional<std::string> reversed_name(std::string_view glob);

}  // namespace fnshield
