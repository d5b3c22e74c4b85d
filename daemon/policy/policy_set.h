// SPDX-License-Identifier: Apache-2.0
//
// All policies in force, and which one applies to a sandbox.
//
// Sources: the shipped policies (policies/*.yaml, compiled in) and every *.yaml of the policy folder. A file whose
// policy has a shipped one's name takes its place; so no folder at all is a working default, and any of it can be
// changed.
//
// `extends: NAME` starts from that policy: a key that is given replaces the parent's, lists as a whole; `rules` merge
// rule by rule, and in a rule key by key; `match` is never inherited.
//
// `match` holds globs in which * stands for anything. A policy without `match` applies to no sandbox: it is there to be
// extended; `default` alone always applies where no other does.
//
// Of those that match, the most specific applies. Compared in this order, the first difference decides:
//   1. function, 2. tenant, 3. platform: a plain name before a glob, a glob with more literal characters before one
//   with
//      fewer, any glob before "*";
//   4. a policy from the folder before a shipped one (or one that replaced it by its name).
// Two that are equal in all of it and can match the same sandbox are an error at load.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/model/model.h"
#include "daemon/policy/diagnostic.h"
#include "daemon/policy/policy.h"
#include "daemon/policy/reader.h"

namespace fnshield {

struct PolicyOptions {
    // Whether a name may stand under `rules`; detect/detector.h's is_known_rule.
    std::function<bool(std::string_view)> is_known_rule;
    // For the hint beside an unknown rule; may be empty.
    std::vector<std::string_view> rule_names;
    // What Egress::resolvers is where no policy says: the node's own (parse_resolv_conf).
    std::vector<Cidr> node_resolvers;
    // A folder that is not there: an error (it was asked for), or the same as an empty one.
    bool directory_required = true;
};

// One file's text and where it came from ("" = compiled in).
struct PolicyText {
    std::string file;
    std::string text;
};

struct PolicyLoad;

// Not thread-safe: policy_for keeps what it found.
class PolicySet final : public PolicySource {
public:
    // The shipped policies and *.yaml of the folder, in the order of their names.
    [[nodiscard]] static PolicyLoad load(const std::string& directory, const PolicyOptions& options);
    // The shipped policies and these.
    [[nodiscard]] static PolicyLoad from_texts(std::span<const PolicyText> texts, const PolicyOptions& options);

    [[nodiscard]] std::shared_ptr<const Policy> policy_for(const SandboxName& name) const override;
    // All of them, by name; those that are there only to be extended too.
    [[nodiscard]] const std::vector<std::shared_ptr<const Policy>>& policies() const { return policies_; }

private:
    friend class PolicyCompiler;
    PolicySet() = default;

    std::vector<std::shared_ptr<const Policy>> policies_;
    std::vector<std::shared_ptr<const Policy>> by_specificity_;  // those that can apply, the most specific first
    std::shared_ptr<const Policy> default_;                      // never null
    mutable std::unordered_map<std::string, std::shared_ptr<const Policy>> found_;  // by platform, tenant, function
};

struct PolicyLoad {
    std::shared_ptr<const PolicySet> set;  // null where there was an error
    Diagnostics diagnostics;
};

// A policy's place in the order above; greater is more specific.
struct Specificity {
    // Each: 0 for "*", 1 + literal characters for a glob, kPlain for a name.
    unsigned function = 0;
    unsigned tenant = 0;
    unsigned platform = 0;
    bool from_folder = false;
    auto operator<=>(const Specificity&) const = default;
    static constexpr unsigned kPlain = 1U << 16;
};
[[nodiscard]] Specificity specificity_of(const Policy::Match& match, bool from_folder);
// True where some sandbox could fit both.
[[nodiscard]] bool can_match_the_same(const Policy::Match& a, const Policy::Match& b);

// The `nameserver` lines of resolv.conf(5), at most 16; other lines are passed over.
[[nodiscard]] std::vector<Cidr> parse_resolv_conf(std::string_view text);

// The keys that a policy file may have, for the test that holds the JSON Schema to them.
[[nodiscard]] std::vector<KeyTable> policy_key_tables();

// The shipped policies, compiled in from policies/*.yaml; `file` is the name there.
[[nodiscard]] std::span<const PolicyText> shipped_policies();

}  // namespace fnshield
