// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a policy file and as a configuration file: no crash, no hang, and an answer that holds together. Also
// the other texts that come from outside: config.json, state.json, resolv.conf, cgroup paths, globs.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "daemon/model/oci.h"
#include "daemon/model/recognise.h"
#include "daemon/policy/config.h"
#include "daemon/policy/policy_set.h"

namespace {

// Aborts, so that the fuzzer keeps the input.
void require(bool holds)
{
    if (!holds)
        std::abort();
}

void check_policy(const std::string& text)
{
    fnshield::PolicyOptions options;
    options.is_known_rule = [](std::string_view rule) { return rule.size() > 3; };
    const std::vector<fnshield::PolicyText> texts{{"fuzz.yaml", text}};
    const fnshield::PolicyLoad load = fnshield::PolicySet::from_texts(texts, options);
    require((load.set == nullptr) == fnshield::has_errors(load.diagnostics));
    for (const fnshield::Diagnostic& diagnostic : load.diagnostics)
        require(diagnostic.place.line >= 1 && diagnostic.place.column >= 1 && !diagnostic.message.empty());
    if (load.set)
        require(load.set->policy_for({"template", "acme", "resnet-50", "i-1"}) != nullptr);
}

void check_config(const std::string& text)
{
    const fnshield::ConfigLoad load = fnshield::parse_config(text, "fuzz.yaml");
    require(load.config.has_value() != fnshield::has_errors(load.diagnostics));
    if (!load.config)
        return;
    const auto made = fnshield::make_recognition(load.config->sandboxes.platforms, load.config->sandboxes.templates);
    require(made.has_value());
    (void)made->recogniser->recognise(text.substr(0, 4096));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char*>(data), size);
    check_policy(text);
    check_config(text);
    (void)fnshield::parse_oci_config(text);
    (void)fnshield::parse_runc_state(text);
    (void)fnshield::parse_resolv_conf(text);
    for (const std::string_view candidate : fnshield::platform_names())
        (void)fnshield::bundle_candidates(candidate, text);
    const std::size_t half = std::min<std::size_t>(size / 2, 256);
    (void)fnshield::glob_match(std::string_view(text).substr(0, half), std::string_view(text).substr(half, 4096));
    return 0;
}
