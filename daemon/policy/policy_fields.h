// SPDX-License-Identifier: Apache-2.0
//
// The keys of a policy file: read from a YAML tree onto a policy that begins as a copy of its parent. Used by
// policy_set.cpp alone.
#pragma once

#include "daemon/policy/policy_set.h"

namespace fnshield {

struct PolicyDraft {
    Policy policy;
    const PolicyOptions* options = nullptr;
    bool has_match = false;
    bool has_resolvers = false;  // given here or in a parent
};

// All keys but version, name and extends, which are read before the parent is known.
void read_policy_fields(Reader& reader, const YamlNode& root, PolicyDraft& draft);

// Letters, digits, '.', '_' and '-', at most 63.
[[nodiscard]] std::optional<std::string> read_policy_name(Reader& reader, const YamlNode& node);

}  // namespace fnshield
