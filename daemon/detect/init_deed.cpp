// SPDX-License-Identifier: Apache-2.0
#include "daemon/detect/init_deed.h"

#include "daemon/detect/egress_match.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

std::string exec_deed(const Observation& seen, const ExecBody& exec)
{
    const auto& listed = seen.policy->exec.init;
    if (exec.has(FNS_EXEC_RUNTIME) || is_operators_exec(seen, exec) || (listed && lists_exec(*listed, exec)))
        return {};
    return "ran " + exec_label(exec);
}

std::string contact_deed(const Observation& seen, const SocketBody& socket)
{
    const auto& listed = seen.policy->egress.init;
    if (stays_inside(socket) || is_declared_resolver(*seen.policy, socket.remote) ||
        (listed && !is_unlisted(*seen.policy, *listed, socket)))
        return {};
    return (seen.event.kind == EventKind::send ? "sent to " : "connected to ") + endpoint_text(socket.remote);
}

}  // namespace

std::string init_deed(const Observation& seen)
{
    if (const auto* exec = seen.event.as<ExecBody>())
        return exec_deed(seen, *exec);
    const auto* socket = seen.event.as<SocketBody>();
    return socket && (seen.event.kind == EventKind::connect || seen.event.kind == EventKind::send)
               ? contact_deed(seen, *socket)
               : std::string();
}

}  // namespace fnshield::detect
