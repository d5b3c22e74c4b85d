// SPDX-License-Identifier: Apache-2.0
//
// What the rules about model files share: which events are about one, and how a finding tells it.
#pragma once

#include <string_view>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

// The file, where the event is the function's own act on one that files.models of its policy lists; else null. The path
// is missing where the kernel side could not keep it: then its verdict says that it was listed.
[[nodiscard]] const FileBody* model_act(const Observation& seen);

// `did` "opened", `doing` "opening": of an act that was refused, the sandbox "was kept from" it.
[[nodiscard]] Finding make_model_finding(const Observation& seen, const FileBody& file, std::string_view did,
                                         std::string_view doing, std::string_view how = {});

}  // namespace fnshield::detect
