// SPDX-License-Identifier: Apache-2.0
//
// Files → policies: parse all, then resolve `extends` from the parents down, then order by specificity.
#include "daemon/policy/policy_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "daemon/base/wildcard.h"
#include "daemon/policy/compile.h"
#include "daemon/policy/policy_fields.h"

namespace fnshield {
namespace {

constexpr std::size_t kMostPolicies = 512;
constexpr std::size_t kKeptAnswers = 8192;
constexpr std::size_t kPolicyBytes = YamlLimits{}.bytes;

bool is_glob(std::string_view pattern)
{
    return pattern.find_first_of("*?") != std::string_view::npos;
}

// Whether some word fits both: reachable[i][j] = a prefix of one word fits a[0, i) and b[0, j).
bool overlap(std::string_view a, std::string_view b)
{
    if (!is_glob(a))
        return wildcard_match(b, a);
    if (!is_glob(b))
        return wildcard_match(a, b);
    const std::size_t width = b.size() + 1;
    std::vector<char> reachable((a.size() + 1) * width, 0);
    reachable[0] = 1;
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (!reachable[i * width + j])
                continue;
            const bool star_a = i < a.size() && a[i] == '*';
            const bool star_b = j < b.size() && b[j] == '*';
            if (star_a)
                reachable[(i + 1) * width + j] = 1;
            if (star_b)
                reachable[i * width + j + 1] = 1;
            if (i == a.size() || j == b.size())
                continue;
            // One character for both; a star takes it and stays.
            if (star_a && !star_b)
                reachable[i * width + j + 1] = 1;
            else if (star_b && !star_a)
                reachable[(i + 1) * width + j] = 1;
            else if (!star_a && (a[i] == '?' || b[j] == '?' || a[i] == b[j]))
                reachable[(i + 1) * width + j + 1] = 1;
        }
    }
    return reachable.back() != 0;
}

unsigned rank_of(std::string_view pattern)
{
    if (!is_glob(pattern))
        return Specificity::kPlain;
    if (pattern.find_first_not_of('*') == std::string_view::npos)
        return 0;
    return 1 + static_cast<unsigned>(std::ranges::count_if(pattern, [](char c) { return c != '*' && c != '?'; }));
}

bool fits(const Policy::Match& match, const SandboxName& name)
{
    return wildcard_match(match.function, name.function) && wildcard_match(match.tenant, name.tenant) &&
           wildcard_match(match.platform, name.platform);
}

// The node at "exec.warm"; null where the file has none.
const YamlNode* find_path(const YamlNode& root, std::string_view path)
{
    const YamlNode* node = &root;
    while (node != nullptr && !path.empty()) {
        const std::string_view key = path.substr(0, path.find('.'));
        node = node->find(key);
        path.remove_prefix(std::min(key.size() + 1, path.size()));
    }
    return node;
}

// Where the file asks for what cannot be done: the list's item, or the rule's action. Nothing where both are inherited.
std::optional<Place> place_of(const YamlNode& root, const Unsupported& fault)
{
    const YamlNode* list = fault.list.empty() ? nullptr : find_path(root, fault.list);
    if (list != nullptr)
        return fault.index < list->items.size() ? list->items[fault.index].place : list->place;
    const YamlNode* rules = root.find("rules");
    const YamlNode* rule = rules != nullptr ? rules->find(fault.rule) : nullptr;
    if (rule == nullptr)
        return std::nullopt;
    const YamlNode* action = rule->find("action");
    return action != nullptr ? action->place : rule->place;
}

}  // namespace

Specificity specificity_of(const Policy::Match& match, bool from_folder)
{
    return {rank_of(match.function), rank_of(match.tenant), rank_of(match.platform), from_folder};
}

bool can_match_the_same(const Policy::Match& a, const Policy::Match& b)
{
    return overlap(a.function, b.function) && overlap(a.tenant, b.tenant) && overlap(a.platform, b.platform);
}

// Builds one PolicySet. Every fault is kept; the set is handed out only where none is an error.
class PolicyCompiler {
public:
    PolicyCompiler(const PolicyOptions& options, Diagnostics& diagnostics)
        : options_(options), diagnostics_(diagnostics)
    {
        for (const PolicyText& text : shipped_policies())
            add(text, true);
    }

    void add(const PolicyText& text, bool shipped);
    [[nodiscard]] std::shared_ptr<const PolicySet> finish();

private:
    enum class Progress : unsigned char { untouched, under_way, done };

    struct Source {
        std::string file;
        YamlNode root;
        std::string name;
        std::string extends;  // "" = nothing
        Place extends_place;
        Place match_place;
        bool shipped = false;
        bool replaced = false;  // a shipped one, by a file of the folder
        bool extended = false;  // by another
        Progress progress = Progress::untouched;
        PolicyDraft draft;
    };

    void error(const Source& source, Place place, std::string message)
    {
        diagnostics_.push_back({source.file, place, std::move(message)});
    }
    Source* by_name(std::string_view name, bool shipped);
    Source* parent_of(Source& source);
    void resolve(Source& source);
    void check_enforceable(Source& source);
    void check_default(const Source& source);
    void check_ties(std::span<const Source*> by_specificity);
    [[nodiscard]] Specificity specificity(const Source& source)
    {
        return specificity_of(source.draft.policy.match, by_name(source.name, true) == nullptr);
    }

    const PolicyOptions& options_;
    Diagnostics& diagnostics_;
    std::vector<std::unique_ptr<Source>> sources_;
};

void PolicyCompiler::add(const PolicyText& text, bool shipped)
{
    auto source = std::make_unique<Source>();
    source->file = shipped ? "built-in/" + text.file : text.file;
    source->shipped = shipped;
    auto root = parse_yaml(text.text, source->file, diagnostics_);
    if (!root)
        return;
    source->root = std::move(*root);
    Reader reader(source->file, diagnostics_);
    if (source->root.kind == YamlNode::Kind::null) {
        reader.error({}, "the file is empty; a policy has at least 'version: 1' and 'name'");
        return;
    }
    if (!reader.is_map(source->root))
        return;
    reader.version(source->root);
    const YamlNode* name = source->root.find("name");
    if (name == nullptr)
        reader.error(source->root.place, "'name' is missing");
    else
        source->name = read_policy_name(reader, *name).value_or("");
    if (const YamlNode* extends = source->root.find("extends")) {
        source->extends = read_policy_name(reader, *extends).value_or("");
        source->extends_place = extends->place;
    }
    if (const YamlNode* match = source->root.find("match"))
        source->match_place = match->key_place;
    if (!source->name.empty() && !shipped) {
        if (const Source* other = by_name(source->name, false))
            error(*source, name->place, fmt::format("policy '{}' is in {} as well", source->name, other->file));
        else if (Source* replaced = by_name(source->name, true))
            replaced->replaced = true;
    }
    sources_.push_back(std::move(source));
}

PolicyCompiler::Source* PolicyCompiler::by_name(std::string_view name, bool shipped)
{
    const auto found = std::ranges::find_if(
        sources_, [&](const auto& source) { return source->name == name && source->shipped == shipped; });
    return found == sources_.end() ? nullptr : found->get();
}

// A policy that took a shipped one's place may extend that by their common name.
PolicyCompiler::Source* PolicyCompiler::parent_of(Source& source)
{
    Source* of_folder = by_name(source.extends, false);
    if (of_folder != nullptr && (of_folder != &source || by_name(source.extends, true) == nullptr))
        return of_folder;
    return by_name(source.extends, true);
}

void PolicyCompiler::resolve(Source& source)
{
    if (source.progress == Progress::done)
        return;
    source.progress = Progress::under_way;
    if (!source.extends.empty()) {
        Source* parent = parent_of(source);
        if (parent == nullptr) {
            std::vector<std::string_view> names;
            for (const auto& other : sources_)
                if (other.get() != &source)
                    names.push_back(other->name);
            const auto meant = nearest(source.extends, names);
            error(source, source.extends_place,
                  fmt::format("no policy '{}' to extend{}", source.extends,
                              meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
        } else if (parent->progress == Progress::under_way) {
            error(source, source.extends_place,
                  parent == &source
                      ? fmt::format("policy '{}' extends itself", source.name)
                      : fmt::format("policy '{}' extends itself by way of '{}'", source.name, parent->name));
        } else {
            resolve(*parent);
            parent->extended = true;
            source.draft = parent->draft;
        }
    }
    PolicyDraft& draft = source.draft;
    draft.options = &options_;
    draft.has_match = false;
    draft.policy.match = {};
    draft.policy.name = source.name;
    draft.policy.file = source.shipped ? "" : source.file;
    Reader reader(source.file, diagnostics_);
    read_policy_fields(reader, source.root, draft);
    source.progress = Progress::done;
}

// What a policy asks for and no kernel can do is an error, or becomes an alert where the rule says so. Told in the file
// that asks for it: a policy that inherits it all has a parent in which it was told.
void PolicyCompiler::check_enforceable(Source& source)
{
    Policy& policy = source.draft.policy;
    std::vector<std::string> downgraded;
    for (const Unsupported& fault : compile(policy, Mode::enforce, 1).unsupported) {
        RuleSetting& setting = policy.rules[fault.rule];
        const bool alert_only = setting.on_unsupported == OnUnsupported::alert;
        const std::string_view wanted = action_name(policy.action_for(fault.rule));
        if (alert_only)
            downgraded.push_back(fault.rule);
        if (const auto place = place_of(source.root, fault))
            diagnostics_.push_back({source.file, *place,
                                    fmt::format("rule {}: '{}' cannot be done: {}{}", fault.rule, wanted, fault.reason,
                                                alert_only ? "; it alerts only" : ""),
                                    alert_only ? DiagnosticLevel::warning : DiagnosticLevel::error});
    }
    for (const std::string& rule : downgraded)
        policy.rules[rule].action = Action::alert;
}

void PolicyCompiler::check_default(const Source& source)
{
    const Policy::Match& match = source.draft.policy.match;
    if (specificity_of(match, false) != Specificity{})
        error(source, source.match_place, "policy 'default' is for every sandbox; its 'match' can only be '*'");
}

void PolicyCompiler::check_ties(std::span<const Source*> by_specificity)
{
    for (std::size_t i = 0; i < by_specificity.size(); ++i) {
        const Source& first = *by_specificity[i];
        for (std::size_t j = i + 1; j < by_specificity.size(); ++j) {
            const Source& second = *by_specificity[j];
            if (specificity(first) != specificity(second))
                break;
            if (can_match_the_same(first.draft.policy.match, second.draft.policy.match))
                error(
                    second, second.match_place,
                    fmt::format("policy '{}' ties with '{}' ({}): both can match the same sandbox and neither is more "
                                "specific",
                                second.name, first.name, first.file));
        }
    }
}

std::shared_ptr<const PolicySet> PolicyCompiler::finish()
{
    for (const auto& source : sources_)
        resolve(*source);
    for (const auto& source : sources_)
        if (!source->replaced || source->extended)
            check_enforceable(*source);

    std::shared_ptr<PolicySet> set(new PolicySet);
    const bool complete = !has_errors(diagnostics_);  // else who extends whom is not known
    std::vector<const Source*> ordered;
    for (const auto& source : sources_) {
        if (source->replaced)
            continue;
        PolicyDraft& draft = source->draft;
        if (!draft.has_resolvers)
            draft.policy.egress.resolvers = options_.node_resolvers;
        if (source->name == "default")
            check_default(*source);
        else if (draft.has_match)
            ordered.push_back(source.get());
        else if (complete && !source->extended && by_name(source->name, true) == nullptr && !source->name.empty())
            diagnostics_.push_back(
                {source->file, source->root.place,
                 fmt::format("policy '{}' has no 'match' and no policy extends it: it applies to nothing",
                             source->name),
                 DiagnosticLevel::warning});
    }
    std::ranges::sort(ordered, [&](const Source* a, const Source* b) {
        return std::tuple(specificity(*b), std::string_view(a->name)) <
               std::tuple(specificity(*a), std::string_view(b->name));
    });
    check_ties(ordered);
    sort_by_place(diagnostics_);
    if (has_errors(diagnostics_))
        return nullptr;

    std::unordered_map<std::string_view, std::shared_ptr<const Policy>> made;
    for (const auto& source : sources_) {
        if (source->replaced)
            continue;
        auto policy = std::make_shared<const Policy>(source->draft.policy);
        made[policy->name] = policy;
        if (policy->name == "default")
            set->default_ = policy;
        set->policies_.push_back(std::move(policy));
    }
    std::ranges::sort(set->policies_, {}, [](const auto& policy) { return std::string_view(policy->name); });
    for (const Source* source : ordered)
        set->by_specificity_.push_back(made[source->name]);
    if (!set->default_)
        set->default_ = std::make_shared<const Policy>();
    return set;
}

PolicyLoad PolicySet::from_texts(std::span<const PolicyText> texts, const PolicyOptions& options)
{
    PolicyLoad load;
    PolicyCompiler compiler(options, load.diagnostics);
    for (const PolicyText& text : texts)
        compiler.add(text, false);
    load.set = compiler.finish();
    return load;
}

PolicyLoad PolicySet::load(const std::string& directory, const PolicyOptions& options)
{
    namespace fs = std::filesystem;
    PolicyLoad load;
    PolicyCompiler compiler(options, load.diagnostics);
    std::error_code error;
    std::vector<std::string> names;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.starts_with('.'))
            continue;
        if (name.ends_with(".yaml"))
            names.push_back(name);
        else if (name.ends_with(".yml"))
            load.diagnostics.push_back({(fs::path(directory) / name).string(),
                                        {},
                                        "not read; policies are named *.yaml",
                                        DiagnosticLevel::warning});
    }
    if (error && (options.directory_required || error != std::errc::no_such_file_or_directory))
        load.diagnostics.push_back({directory, {}, "cannot read the policy folder: " + error.message()});
    if (names.size() > kMostPolicies) {
        load.diagnostics.push_back(
            {directory, {}, fmt::format("{} policies; at most {} are read", names.size(), kMostPolicies)});
        names.clear();
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
        const std::string file = (fs::path(directory) / name).string();
        auto text = read_text_file(file, kPolicyBytes);
        if (text)
            compiler.add({file, std::move(*text)}, false);
        else
            load.diagnostics.push_back({file, {}, text.error().message});
    }
    load.set = compiler.finish();
    return load;
}

std::shared_ptr<const Policy> PolicySet::policy_for(const SandboxName& name) const
{
    std::string key = name.platform + '\n' + name.tenant + '\n' + name.function;
    if (const auto found = found_.find(key); found != found_.end())
        return found->second;
    const auto fitting =
        std::ranges::find_if(by_specificity_, [&](const auto& policy) { return fits(policy->match, name); });
    const auto& policy = fitting == by_specificity_.end() ? default_ : *fitting;
    if (found_.size() >= kKeptAnswers)
        found_.clear();
    found_.emplace(std::move(key), policy);
    return policy;
}

std::vector<Cidr> parse_resolv_conf(std::string_view text)
{
    constexpr std::size_t kMostResolvers = 16;
    std::vector<Cidr> resolvers;
    while (!text.empty() && resolvers.size() < kMostResolvers) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        constexpr std::string_view kKey = "nameserver";
        if (!line.starts_with(kKey) || line.size() == kKey.size() ||
            !std::string_view(" \t").contains(line[kKey.size()]))
            continue;
        std::string_view address = line.substr(kKey.size());
        address.remove_prefix(std::min(address.find_first_not_of(" \t"), address.size()));
        address = address.substr(0, address.find_first_of(" \t\r%#;"));  // fe80::1%eth0 is the network fe80::1
        if (auto cidr = parse_cidr(address))
            resolvers.push_back(*cidr);
    }
    return resolvers;
}

}  // namespace fnshield
