// SPDX-License-Identifier: Apache-2.0
//
// For helpers of a test that return what they made: without it the case cannot go on, and ends with the reason.
#pragma once

#include <stdexcept>
#include <type_traits>
#include <utility>

#include "daemon/base/result.h"

namespace fnshield::testing {

template <typename T>
T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error(result.error().message);
    if constexpr (!std::is_void_v<T>)
        return std::move(*result);
}

}  // namespace fnshield::testing
