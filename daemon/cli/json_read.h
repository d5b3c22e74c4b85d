// SPDX-License-Identifier: Apache-2.0
//
// Reading members of answers without assuming that they are there or of the right type.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace fnshield::cli {

// Null where it is absent or `object` is not one.
[[nodiscard]] inline const nlohmann::ordered_json& member(const nlohmann::ordered_json& object, const char* key)
{
    static const nlohmann::ordered_json kNull;
    if (!object.is_object())
        return kNull;
    const auto found = object.find(key);
    return found == object.end() ? kNull : *found;
}

[[nodiscard]] inline std::string text(const nlohmann::ordered_json& object, const char* key)
{
    const auto& value = member(object, key);
    if (value.is_string())
        return value.get<std::string>();
    return value.is_number() ? value.dump() : std::string();
}

[[nodiscard]] inline std::uint64_t count(const nlohmann::ordered_json& object, const char* key)
{
    const auto& value = member(object, key);
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

[[nodiscard]] inline std::optional<double> number(const nlohmann::ordered_json& object, const char* key)
{
    const auto& value = member(object, key);
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

[[nodiscard]] inline bool is_true(const nlohmann::ordered_json& object, const char* key)
{
    const auto& value = member(object, key);
    return value.is_boolean() && value.get<bool>();
}

}  // namespace fnshield::cli
