// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/own_objects.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace fnshield {
namespace {

struct Kind {
    std::string_view file;  // as the kernel calls the open file
    std::string_view line;  // that its fdinfo begins a line with
    fns_object object;
};

constexpr Kind kKinds[] = {
    {"anon_inode:bpf-map", "map_id:", FNS_OBJECT_MAP},
    {"anon_inode:bpf-prog", "prog_id:", FNS_OBJECT_PROG},
    {"anon_inode:bpf_link", "link_id:", FNS_OBJECT_LINK},  // as it was made
    {"anon_inode:bpf-link", "link_id:", FNS_OBJECT_LINK},  // as it was got again, by its id or from a pin
};

// The number behind `word` at a line's beginning; 0 where there is none.
std::uint32_t number_of_line(std::string_view text, std::string_view word)
{
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        if (at != 0 && text[at - 1] != '\n')
            continue;
        at = text.find_first_not_of(" \t", at + word.size());
        std::uint32_t number = 0;
        if (at != std::string_view::npos)
            std::from_chars(text.data() + at, text.data() + text.size(), number);
        return number;
    }
    return 0;
}

}  // namespace

std::uint64_t object_of_fdinfo(std::string_view link, std::string_view fdinfo)
{
    for (const Kind& kind : kKinds)
        if (link == kind.file)
            if (const std::uint32_t id = number_of_line(fdinfo, kind.line); id != 0)
                return FNS_OWN_OBJECT(kind.object, id);
    return 0;
}

namespace {

// Calls `visit(descriptor, key)` for every descriptor of a BPF object.
template <typename Visit>
Result<void> for_each_object(const std::string& proc, Visit visit)
{
    namespace fs = std::filesystem;
    std::error_code failed;
    for (fs::directory_iterator entry(proc + "/self/fd", failed), end; !failed && entry != end;
         entry.increment(failed)) {
        std::error_code gone;  // a descriptor may be closed meanwhile
        const std::string link = fs::read_symlink(entry->path(), gone).string();
        if (gone || !link.starts_with("anon_inode:bpf"))
            continue;
        const std::string number = entry->path().filename().string();
        std::ifstream file(proc + "/self/fdinfo/" + number);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        if (const std::uint64_t key = object_of_fdinfo(link, text); key != 0)
            visit(std::atoi(number.c_str()), key);
    }
    if (failed)
        return fail("cannot read " + proc + "/self/fd: " + failed.message());
    return {};
}

}  // namespace

Result<std::vector<std::uint64_t>> own_objects(const std::string& proc)
{
    std::vector<std::uint64_t> keys;
    if (auto read = for_each_object(proc, [&](int, std::uint64_t key) { keys.push_back(key); }); !read)
        return pass(std::move(read));
    std::ranges::sort(keys);
    keys.erase(std::ranges::unique(keys).begin(), keys.end());
    return keys;
}

Result<std::vector<OwnLink>> own_links(const std::string& proc)
{
    std::vector<OwnLink> links;
    auto read = for_each_object(proc, [&](int fd, std::uint64_t key) {
        const auto id = static_cast<std::uint32_t>(key);
        if (key == FNS_OWN_OBJECT(FNS_OBJECT_LINK, id))
            links.push_back({.fd = fd, .id = id});
    });
    if (!read)
        return pass(std::move(read));
    return links;
}

}  // namespace fnshield
