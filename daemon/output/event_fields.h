// SPDX-License-Identifier: Apache-2.0
//
// The fields that each kind of event has of its own; json.cpp puts what is common before them.
#pragma once

#include <nlohmann/json.hpp>

#include "daemon/model/event.h"

namespace fnshield {

// Appends the body's fields, then `flags` and `repeats` where there are any.
void add_own_fields(nlohmann::ordered_json& json, const Event& event);

}  // namespace fnshield
