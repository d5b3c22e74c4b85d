// SPDX-License-Identifier: Apache-2.0
//
// Text → tree. yaml-cpp parses; the handler below keeps what it says in a tree of its own and stops it, by an exception
// that never leaves this file, as soon as a limit is passed.
#include "daemon/policy/yaml.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "daemon/base/unique_fd.h"

namespace fnshield {
namespace {

Place place_of(const YAML::Mark& mark)
{
    return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1};
}

// Thrown through yaml-cpp to end the parse; caught in parse_yaml.
struct Refused {
    Place place;
    std::string message;
};

class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(const std::string& file, const YamlLimits& limits, Diagnostics& diagnostics)
        : file_(file), limits_(limits), diagnostics_(diagnostics)
    {
    }

    [[nodiscard]] YamlNode take() && { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override
    {
        if (++documents_ > 1)
            throw Refused{place_of(mark), "a second document ('---'); a file holds one"};
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        check_plain(mark, "?", anchor);
        if (expects_key())
            throw Refused{place_of(mark), "a key without a name"};
        (void)add(YamlNode::Kind::null, mark);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override
    {
        throw Refused{place_of(mark), "aliases (*name) are not taken; write the value out"};
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override
    {
        check_plain(mark, tag, anchor);
        if (value.size() > limits_.scalar_bytes)
            throw Refused{place_of(mark),
                          fmt::format("a value of {} bytes; at most {} are taken", value.size(), limits_.scalar_bytes)};
        if (expects_key())
            set_key(mark, value);
        else
            add(YamlNode::Kind::scalar, mark).text = value;
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override
    {
        open(YamlNode::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { open_.pop_back(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override
    {
        open(YamlNode::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { open_.pop_back(); }

private:
    // A list or map that is not closed yet. The pointer holds: its parent's items grow only after it is closed.
    struct Open {
        YamlNode* node;
        std::optional<std::string> key;  // read, value not yet
        Place key_place;
    };

    [[nodiscard]] bool expects_key() const
    {
        return !open_.empty() && open_.back().node->kind == YamlNode::Kind::map && !open_.back().key;
    }

    static void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor)
    {
        if (anchor != 0)
            throw Refused{place_of(mark), "anchors (&name) are not taken; write the value out"};
        if (!tag.empty() && tag != "?" && tag != "!")
            throw Refused{place_of(mark), "tags (!name) are not taken"};
    }

    void set_key(const YAML::Mark& mark, const std::string& key)
    {
        Open& map = open_.back();
        if (const YamlNode* earlier = map.node->find(key))
            diagnostics_.push_back(
                {file_, place_of(mark),
                 fmt::format("'{}' is given twice, first in line {}", key, earlier->key_place.line)});
        map.key = key;
        map.key_place = place_of(mark);
    }

    YamlNode& add(YamlNode::Kind kind, const YAML::Mark& mark)
    {
        if (++nodes_ > limits_.nodes)
            throw Refused{place_of(mark), fmt::format("more than {} values in one file", limits_.nodes)};
        if (open_.empty()) {
            root_.kind = kind;
            root_.place = place_of(mark);
            return root_;
        }
        Open& holder = open_.back();
        if (holder.node->items.size() >= limits_.entries)
            throw Refused{place_of(mark), fmt::format("more than {} entries in one list or map", limits_.entries)};
        YamlNode& node = holder.node->items.emplace_back();
        node.kind = kind;
        node.place = place_of(mark);
        if (holder.node->kind == YamlNode::Kind::list) {
            node.in_list = true;
            node.key = holder.node->key;
            node.key_place = node.place;
        } else {
            node.key = std::move(*holder.key);
            node.key_place = holder.key_place;
            holder.key.reset();
        }
        return node;
    }

    void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor)
    {
        check_plain(mark, tag, anchor);
        if (expects_key())
            throw Refused{place_of(mark), "a key must be a plain word"};
        if (open_.size() >= limits_.depth)
            throw Refused{place_of(mark), fmt::format("nested deeper than {} levels", limits_.depth)};
        open_.push_back({&add(kind, mark), std::nullopt, {}});
    }

    const std::string& file_;
    const YamlLimits& limits_;
    Diagnostics& diagnostics_;
    YamlNode root_;
    std::vector<Open> open_;
    std::size_t nodes_ = 0;
    std::size_t documents_ = 0;
};

// Length of the UTF-8 sequence at the start of `rest`; 0 where there is none.
std::size_t utf8_length(std::string_view rest)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
    const unsigned char first = byte(0);
    const std::size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (length == 0 || length > rest.size())
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (byte(i) >> 6 != 2)
            return 0;
    return length;
}

// yaml-cpp would guess at UTF-16 and put replacement characters for what it cannot read; here that is an error.
bool is_text(std::string_view text, const std::string& file, Diagnostics& diagnostics)
{
    Place place;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text.substr(i));
        const auto c = static_cast<unsigned char>(text[i]);
        if (length == 0) {
            diagnostics.push_back({file, place, "this is not UTF-8 text"});
            return false;
        }
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
            diagnostics.push_back(
                {file, place, fmt::format("a control character (0x{:02x}): this is not YAML text", c)});
            return false;
        }
        if (c == '\n')
            place = {place.line + 1, 1};
        else
            ++place.column;
        i += length;
    }
    return true;
}

// yaml-cpp's words for a tab that indents are no help; it is the usual reason for a fault in the line or the one
// before.
bool is_indented_by_tab(std::string_view text, int line)
{
    for (int at = 1; at <= line && !text.empty(); ++at) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view indent = text.substr(0, std::min(text.find_first_not_of(" \t"), end));
        if (at + 1 >= line && indent.contains('\t'))
            return true;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
}

}  // namespace

std::string YamlNode::label() const
{
    if (key.empty())
        return in_list ? "an item" : "the file";
    return in_list ? "an item of '" + key + "'" : "'" + key + "'";
}

const YamlNode* YamlNode::find(std::string_view key_wanted) const
{
    if (kind != Kind::map)
        return nullptr;
    const auto found = std::ranges::find(items, key_wanted, &YamlNode::key);
    return found == items.end() ? nullptr : &*found;
}

std::string_view kind_name(YamlNode::Kind kind)
{
    switch (kind) {
        case YamlNode::Kind::null:
            return "nothing";
        case YamlNode::Kind::scalar:
            return "a single value";
        case YamlNode::Kind::list:
            return "a list";
        case YamlNode::Kind::map:
            return "a map";
    }
    return "unknown";
}

std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& file, Diagnostics& diagnostics,
                                   const YamlLimits& limits)
{
    if (text.size() > limits.bytes) {
        diagnostics.push_back({file, {}, fmt::format("{} bytes; at most {} are read", text.size(), limits.bytes)});
        return std::nullopt;
    }
    if (!is_text(text, file, diagnostics))
        return std::nullopt;
    TreeBuilder builder(file, limits, diagnostics);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Refused& refused) {
        diagnostics.push_back({file, refused.place, refused.message});
        return std::nullopt;
    } catch (const YAML::Exception& error) {
        const Place place = place_of(error.mark);
        const bool tab = is_indented_by_tab(text, place.line);
        diagnostics.push_back({file, place, "not YAML: " + (tab ? "a tab indents; use spaces" : error.msg)});
        return std::nullopt;
    }
    return std::move(builder).take();
}

Result<std::string> read_text_file(const std::string& path, std::size_t limit)
{
    // O_NONBLOCK: opening a pipe that nobody writes to must not hang the daemon.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd)
        return fail_errno("cannot open");
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0)
        return fail_errno("cannot stat");
    if (S_ISDIR(status.st_mode))
        return fail_errno("cannot read", EISDIR);
    if (!S_ISREG(status.st_mode))
        return fail("not a regular file");
    std::string text;
    std::string chunk(64 * 1024, '\0');
    for (;;) {
        const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno("cannot read");
        if (got == 0)
            return text;
        text.append(chunk, 0, static_cast<std::size_t>(got));
        if (text.size() > limit)
            return fail(fmt::format("larger than {} bytes", limit));
    }
}

}  // namespace fnshield
