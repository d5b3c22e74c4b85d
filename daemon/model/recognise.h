// SPDX-License-Identifier: Apache-2.0
//
// Which cgroups are sandboxes and who they are, from the configuration's `sandboxes.platforms` and
// `sandboxes.templates`:
//
//   - for the kernel side, the parents under which sandboxes appear (include/fnshield/abi/tables.h, fns_parent);
//   - for the model, the names of a sandbox from its path.
//
// A template is a cgroup path from the root of the default hierarchy. {name} stands for one segment, or for a part of
// one ("docker-{instance}.scope"); {name*}, at the end only, for one or more segments, of which the populated leaf is
// the sandbox. tenant, function and instance are kept, other names only fill their place. It begins with at least one
// literal segment, so that the host's own cgroups are never sandboxes.
//
// The kernel side looks at the parent's path, the depth below it and the beginning of the leaf's name. What a template
// says beyond that (a literal behind a placeholder, a suffix) decides the names only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/model/model.h"

namespace fnshield {

// What goes into the kernel's `parent_paths` and `parents`.
struct ParentSpec {
    std::string path;         // "/openfaas-fn"; at most FNS_PARENT_PATH_BYTES − 1 bytes
    std::uint32_t depth = 1;  // sandboxes are this many levels below; with `rest`, at least this many
    bool rest = false;
    // At most FNS_LEAF_PREFIXES, each shorter than FNS_LEAF_PREFIX_BYTES. The first that begins the leaf's name
    // decides: it is a sandbox, or with FNS_LEAF_PREFIX_NOT before the prefix it is not. Where none fits it is not a
    // sandbox, unless all are such refusals (or there is none).
    std::vector<std::string> leaf_prefixes;
    bool operator==(const ParentSpec&) const = default;
};

struct Recognition {
    std::unique_ptr<const Recogniser> recogniser;
    std::vector<ParentSpec> parents;  // by path
    std::vector<std::string> notes;   // for the log: a template took a built-in recogniser's parent
};

// The error names the template or the parent path at fault. Platforms are those of builtin_platforms().
[[nodiscard]] Result<Recognition> make_recognition(std::span<const std::string> platforms,
                                                   std::span<const std::string> templates);

// What is wrong with one template; the message continues "template '…' ".
[[nodiscard]] Result<void> check_template(std::string_view text);

// The built-in recognisers, in the order of the documentation.
[[nodiscard]] std::vector<std::string_view> builtin_platforms();
// What SandboxName::platform can be: those and "template".
[[nodiscard]] std::vector<std::string_view> platform_names();

}  // namespace fnshield
