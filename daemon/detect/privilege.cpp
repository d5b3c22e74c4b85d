// SPDX-License-Identifier: Apache-2.0
//
// See privilege.h.
#include "daemon/detect/privilege.h"

#include <linux/bpf.h>
#include <linux/sched.h>

#include <array>
#include <span>

#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

struct Word {
    std::uint64_t number;
    std::string_view text;
};

constexpr auto kNamespaces = std::to_array<Word>({{CLONE_NEWUSER, "user"},
                                                  {CLONE_NEWNS, "mount"},
                                                  {CLONE_NEWPID, "pid"},
                                                  {CLONE_NEWNET, "network"},
                                                  {CLONE_NEWIPC, "ipc"},
                                                  {CLONE_NEWUTS, "uts"},
                                                  {CLONE_NEWCGROUP, "cgroup"},
                                                  {CLONE_NEWTIME, "time"}});
// The commands that one meets; others are told by their number.
constexpr auto kCommands = std::to_array<Word>({{BPF_MAP_CREATE, "map_create"},
                                                {BPF_MAP_LOOKUP_ELEM, "map_lookup_elem"},
                                                {BPF_MAP_UPDATE_ELEM, "map_update_elem"},
                                                {BPF_MAP_DELETE_ELEM, "map_delete_elem"},
                                                {BPF_PROG_LOAD, "prog_load"},
                                                {BPF_OBJ_PIN, "obj_pin"},
                                                {BPF_OBJ_GET, "obj_get"},
                                                {BPF_PROG_ATTACH, "prog_attach"},
                                                {BPF_PROG_DETACH, "prog_detach"},
                                                {BPF_PROG_GET_NEXT_ID, "prog_get_next_id"},
                                                {BPF_MAP_GET_NEXT_ID, "map_get_next_id"},
                                                {BPF_PROG_GET_FD_BY_ID, "prog_get_fd_by_id"},
                                                {BPF_MAP_GET_FD_BY_ID, "map_get_fd_by_id"},
                                                {BPF_RAW_TRACEPOINT_OPEN, "raw_tracepoint_open"},
                                                {BPF_MAP_FREEZE, "map_freeze"},
                                                {BPF_LINK_CREATE, "link_create"},
                                                {BPF_LINK_UPDATE, "link_update"},
                                                {BPF_LINK_GET_FD_BY_ID, "link_get_fd_by_id"},
                                                {BPF_LINK_DETACH, "link_detach"}});

std::string namespaces_text(std::uint64_t flags)
{
    std::string list;
    for (const Word& word : kNamespaces)
        if (flags & word.number)
            list += (list.empty() ? "" : ", ") + std::string(word.text);
    return list;
}

std::string command_text(std::uint64_t command)
{
    for (const Word& word : kCommands)
        if (word.number == command)
            return std::string(word.text);
    return "command " + std::to_string(command);
}

std::string detail_text(const PrivilegeBody& act)
{
    switch (act.act) {
        case FNS_PRIVILEGE_SETNS:
        case FNS_PRIVILEGE_UNSHARE:
        case FNS_PRIVILEGE_CLONE: {
            const std::string list = namespaces_text(act.argument);
            return list.empty() ? "" : " (" + list + ")";
        }
        case FNS_PRIVILEGE_BPF:
            return " (" + command_text(act.argument) + ")";
        case FNS_PRIVILEGE_FSOPEN:
        case FNS_PRIVILEGE_MODULE_REQUEST:
            return act.name.empty() ? "" : " for " + printable(act.name);
        default:
            return act.name.empty() ? "" : " on " + printable(act.name);
    }
}

}  // namespace

const PrivilegeBody* functions_act(const Observation& seen)
{
    if (seen.event.sandbox == kHost || seen.by_runtime())
        return nullptr;
    return seen.event.as<PrivilegeBody>();
}

std::string act_text(const PrivilegeBody& act)
{
    return std::string(privilege_name(act.act)) + detail_text(act);
}

Finding make_privilege_finding(const Observation& seen, const PrivilegeBody& act)
{
    const bool refused = act.refused();
    Finding finding;
    finding.summary = actor_label(seen) + (refused ? " tried to call " : " called ") + act_text(act) + " (" +
                      program_of(seen) + ")" + failure_text(refused, act.result);
    finding.key = program_of(seen) + " " + std::string(privilege_name(act.act)) + (refused ? " tried" : "");
    if (seen.event.kind == EventKind::mount)
        finding.target.file = printable(act.name);
    return finding;
}

}  // namespace fnshield::detect
