// SPDX-License-Identifier: Apache-2.0
#include "daemon/detect/init_deed.h"

#include "daemon/detect/egress_match.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

bool is_undeclared_exec(const Observation& seen, const ExecBody& exec)
{
    const auto& listed = seen.policy->exec.init;
    return !exec.has(FNS_EXEC_RUNTIME) && !is_operators_exec(seen, exec) && !(listed && lists_exec(*listed, exec));
}

bool is_undeclared_contact(const Observation& seen, const SocketBody& socket)
{
    const auto& listed = seen.policy->egress.init;
    return !stays_inside(socket) && !is_declared_resolver(*seen.policy, socket.remote) &&
           !(listed && !is_unlisted(*seen.policy, *listed, socket));
}

}  // namespace

bool is_init_deed(const Observation& seen)
{
    if (const auto* exec = seen.event.as<ExecBody>())
        return is_undeclared_exec(seen, *exec);
    const auto* socket = seen.event.as<SocketBody>();
    return socket && (seen.event.kind == EventKind::connect || seen.event.kind == EventKind::send) &&
           is_undeclared_contact(seen, *socket);
}

std::string init_deed(const Observation& seen)
{
    if (!is_init_deed(seen))
        return {};
    if (const auto* exec = seen.event.as<ExecBody>())
        return "ran " + exec_label(*exec);
    return (seen.event.kind == EventKind::send ? "sent to " : "connected to ") +
           endpoint_text(seen.event.as<SocketBody>()->remote);
}

}  // namespace fnshield::detect
