// SPDX-License-Identifier: Apache-2.0
#include "daemon/detect/file_acts.h"

#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

std::string_view how_text(fns_file_access access)
{
    switch (access) {
        case FNS_FILE_READ:
            return " for reading";
        case FNS_FILE_TRUNCATE:
            return " to truncate it";
        default:
            return " for writing";
    }
}

}  // namespace

const FileBody* file_act(const Observation& seen, fns_file_class file_class)
{
    const auto* file = seen.event.as<FileBody>();
    if (!file || file->file_class != file_class || seen.event.sandbox == kHost || seen.by_runtime())
        return nullptr;
    return file;
}

std::string_view base_name(std::string_view path)
{
    return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

Finding make_file_finding(const Observation& seen, const FileBody& file, std::string_view what)
{
    const bool failed = file.result < 0;
    Finding finding;
    finding.summary = actor_label(seen) + (failed ? " tried to open " : " opened ");
    finding.summary += what;
    if (!file.path.empty())
        finding.summary += " " + printable(file.path);
    finding.summary += how_text(file.access);
    finding.summary += " (" + program_of(seen) + ")" + failure_text(failed, file.result);
    finding.key = file.path;
    finding.target.file = file.path;
    return finding;
}

bool is_in_writable_place(const FileBody& file)
{
    return (file.flags & (FNS_FILE_UPPER_LAYER | FNS_FILE_SCRATCH | FNS_FILE_UNLINKED | FNS_FILE_MEMFD)) != 0;
}

const FileBody* mapping_of_own_making(const Observation& seen)
{
    const auto* file = seen.event.as<FileBody>();
    if (!file || seen.event.kind != EventKind::map_exec || seen.event.sandbox == kHost || seen.by_runtime())
        return nullptr;
    if (seen.process && seen.process->from_outside)
        return nullptr;
    return is_in_writable_place(*file) || file->has(FNS_FILE_FRESH) ? file : nullptr;
}

Finding make_mapping_finding(const Observation& seen, const FileBody& file, std::string_view when)
{
    Finding finding;
    finding.summary = actor_label(seen) + " mapped the machine code of " +
                      (file.path.empty() ? std::string("a file") : printable(file.path)) + " " + std::string(when) +
                      " (" + program_of(seen) + ")";
    finding.key = file.has(FNS_FILE_MEMFD) ? "memfd" : file.path;
    finding.target.file = file.path;
    return finding;
}

}  // namespace fnshield::detect
