// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/kernel_policies.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "daemon/policy/compile_names.h"
#include "daemon/policy/memory_readers.h"

namespace fnshield {
namespace {

// A sandbox's name has no such byte: only a glob that takes anything fits it.
constexpr std::string_view kAnyName = "\x01";
// How often those that were made meanwhile are looked for; each turn is short, and what is left keeps the number of the
// generation before, which stays.
constexpr int kLooks = 8;

SandboxName name_of(const std::tuple<std::string, std::string, std::string>& key)
{
    return {.platform = std::get<0>(key), .tenant = std::get<1>(key), .function = std::get<2>(key), .instance = {}};
}

// Who a sandbox below this path will be, as far as the path alone tells: the platform, and what a template has
// literally. Leaves are told by their beginning, and on some platforms end in ".scope".
SandboxName name_below(const std::string& path, const fns_parent& rule, const Recogniser& recogniser)
{
    std::string leaf;
    for (std::uint32_t i = 0; i < rule.prefixes && leaf.empty(); ++i)
        if (rule.leaf_prefix[i][0] != FNS_LEAF_PREFIX_NOT)
            leaf = rule.leaf_prefix[i];
    constexpr std::uint32_t kDeeper = 2;
    std::string above = path;
    for (std::uint32_t level = 1; level < rule.depth; ++level)
        above.append("/").append(kAnyName);
    for (std::uint32_t deeper = 0; deeper <= (rule.flags & FNS_PARENT_REST ? kDeeper : 0); ++deeper) {
        for (const std::string_view suffix : {"", ".scope"}) {
            SandboxName name = recogniser.recognise(above + "/" + leaf + std::string(kAnyName) + std::string(suffix));
            if (!name.platform.empty())
                return name;
        }
        above.append("/").append(kAnyName);
    }
    return {};
}

// All rows by name of all policies, in a form that compares.
std::multiset<std::string> listed_names(const PolicySet& set)
{
    std::multiset<std::string> all;
    for (const auto& policy : set.policies())
        for (const ListedName& row : compile_names(*policy, 0).rows)
            all.insert(policy->name + std::string(reinterpret_cast<const char*>(&row.key), sizeof row.key) +
                       std::string(reinterpret_cast<const char*>(&row.ports), sizeof row.ports));
    return all;
}

}  // namespace

std::uint32_t KernelPolicies::Generation::number_of(std::string_view policy) const
{
    const auto found = numbers.find(policy);
    return found == numbers.end() ? 0 : found->second;
}

std::uint32_t KernelPolicies::Generation::number_for(const SandboxName& name) const
{
    return set ? number_of(set->policy_for(name)->name) : 0;
}

std::uint32_t KernelPolicies::number_for(const SandboxName& name) const
{
    return current_.number_for(name);
}

KernelPolicies::KernelPolicies(const SharedMaps& maps, Map<std::uint64_t, fns_parent> parents,
                               Map<fns_parent_path, fns_parent> parent_paths)
    : tables_{.assignments = maps.assignments(),
              .policies = maps.policies(),
              .paths = maps.listed_paths(),
              .networks = maps.listed_networks(),
              .names = maps.listed_names(),
              .resolved = maps.resolved(),
              .memory_allowed = maps.memory_allowed(),
              .parents = parents,
              .parent_paths = parent_paths}
{
    inherit();
}

// --- what an earlier daemon left -----------------------------------------------------------------------------------

void KernelPolicies::inherit()
{
    tables_.policies.for_each([this](std::uint32_t number, const fns_policy&) { inherited_.insert(number); });
    if (!inherited_.empty())
        next_number_ = *inherited_.rbegin() + 1;
    tables_.memory_allowed.for_each([this](const fns_name_pair& pair, std::uint32_t) {
        inherited_pairs_.push_back(pair);
        next_name_ = std::max({next_name_, pair.target + 1, pair.actor + 1});
    });
    tables_.assignments.for_each([this](std::uint64_t, const fns_assignment& assigned) {
        next_name_ = std::max(next_name_, assigned.name_id + 1);
    });
}

void KernelPolicies::forget_inherited()
{
    if (inherited_.empty())
        return;
    (void)tables_.assignments.erase_if([&](SandboxId id, const fns_assignment& assigned) {
        return inherited_.contains(assigned.policy_id) && !known_.contains(id);
    });
    for (const std::uint32_t number : inherited_)
        (void)tables_.policies.erase(number);
    const auto is_inherited = [&](const auto& key, const auto&) { return inherited_.contains(key.policy_id); };
    (void)tables_.paths.erase_if(is_inherited);
    (void)tables_.networks.erase_if(is_inherited);
    (void)tables_.names.erase_if(is_inherited);
    for (const fns_name_pair& pair : std::exchange(inherited_pairs_, {}))
        (void)tables_.memory_allowed.erase(pair);
    inherited_.clear();
}

// --- a generation --------------------------------------------------------------------------------------------------

Result<void> KernelPolicies::fill(Generation& generation)
{
    generation.first = next_number_;
    for (const auto& policy : generation.set->policies()) {
        const std::uint32_t number = next_number_++;
        generation.numbers[policy->name] = generation.last = number;
        policy_names_[number] = policy->name;
        const CompiledPolicy compiled = compile(*policy, generation.mode, number);
        const auto failed = [&](auto&& result, std::string_view table) {
            return pass(std::move(result), fmt::format("policy {}: {}", policy->name, table));
        };
        for (const auto& [key, value] : compiled.paths)
            if (auto added = tables_.paths.update(key, value); !added)
                return failed(std::move(added), "the kernel's table of listed paths takes no more");
        for (const auto& [key, value] : compiled.networks)
            if (auto added = tables_.networks.update(key, value); !added)
                return failed(std::move(added), "the kernel's table of listed networks takes no more");
        for (const auto& [key, value] : compiled.names)
            if (auto added = tables_.names.update(key, value); !added)
                return failed(std::move(added), "the kernel's table of listed names takes no more");
        if (auto added = tables_.policies.update(number, compiled.head); !added)
            return failed(std::move(added), "the kernel's table of policies takes no more");
    }
    return {};
}

// What cannot be erased is not used by anyone and only takes room.
void KernelPolicies::drop(const Generation& generation)
{
    if (!generation.set)
        return;
    for (const auto& policy : generation.set->policies()) {
        const std::uint32_t number = generation.number_of(policy->name);
        if (number == 0)
            continue;  // filling it did not come that far
        const CompiledPolicy compiled = compile(*policy, generation.mode, number);
        (void)tables_.policies.erase(number);
        for (const auto& [key, value] : compiled.paths)
            (void)tables_.paths.erase(key);
        for (const auto& [key, value] : compiled.networks)
            (void)tables_.networks.erase(key);
        for (const auto& [key, value] : compiled.names)
            (void)tables_.names.erase(key);
        policy_names_.erase(number);
    }
}

Result<void> KernelPolicies::replace(std::shared_ptr<const PolicySet> set, Mode mode, const Recogniser& recogniser,
                                     ParentRules& rules)
{
    drop(std::exchange(previous_, {}));
    Generation fresh{.set = std::move(set), .mode = mode};
    if (auto filled = fill(fresh); !filled) {
        drop(fresh);
        return filled;
    }
    // Names are not a generation's: for the time of the move both may read what either lists.
    const Pairs before = pairs_;
    const Pairs wanted = wanted_pairs(*fresh.set);
    ParentRules moved = rules;
    auto done = allow(wanted);
    if (done)
        done = put_in_force(fresh, recogniser, moved);
    if (!done) {
        go_back(rules, moved);
        forbid_all_but(before);
        drop(fresh);
        return done;
    }
    forbid_all_but(wanted);
    // Addresses that were let through by a name, perhaps one that is listed no more: it has to be asked for again.
    if (current_.set && listed_names(*current_.set) != listed_names(*fresh.set))
        (void)tables_.resolved.erase_if([](const auto&, const auto&) { return true; });
    previous_ = std::exchange(current_, std::move(fresh));
    rules = std::move(moved);
    return {};
}

Result<void> KernelPolicies::put_in_force(const Generation& to, const Recogniser& recogniser, ParentRules& rules)
{
    auto below = move_paths(to, recogniser, rules);
    if (!below)
        return pass(std::move(below));
    return move_all(to, *below);
}

// Everything to the generation that is in force; as far as it goes, since it is an error that led here.
void KernelPolicies::go_back(const ParentRules& rules, const ParentRules& tried)
{
    for (const auto& [path, rule] : tried) {
        const auto key = parent_path_key(path);
        const auto before = rules.find(path);
        if (!key)
            continue;
        if (before != rules.end() && before->second.policy_id != 0)
            (void)tables_.parent_paths.update(*key, before->second);
        else
            (void)tables_.parent_paths.erase(*key);
    }
    if (current_.set)
        (void)move_all(current_, {});
}

// --- moving to it --------------------------------------------------------------------------------------------------

// What appears below the paths from now on. The answer: what the numbers of the generation before became, where all
// paths that had a number have the same new one.
Result<KernelPolicies::Numbers> KernelPolicies::move_paths(const Generation& to, const Recogniser& recogniser,
                                                           ParentRules& rules)
{
    Numbers below;
    std::set<std::uint32_t> unclear;
    for (auto& [path, rule] : rules) {
        const std::uint32_t before = rule.policy_id;
        auto key = parent_path_key(path);
        if (!key)
            return pass(std::move(key));
        rule.policy_id = to.number_for(name_below(path, rule, recogniser));
        if (auto written = tables_.parent_paths.update(*key, rule); !written)
            return pass(std::move(written), "cannot watch for sandboxes under " + path);
        if (const auto [known, fresh] = below.try_emplace(before, rule.policy_id);
            !fresh && known->second != rule.policy_id)
            unclear.insert(before);
    }
    for (const std::uint32_t number : unclear)
        below.erase(number);
    return below;
}

std::uint32_t KernelPolicies::translated(std::uint32_t number, const Generation& to, const Numbers& below) const
{
    if (const auto found = below.find(number); found != below.end())
        return found->second;
    const auto name = policy_names_.find(number);
    const std::uint32_t same = name == policy_names_.end() ? 0 : to.number_of(name->second);
    return same != 0 ? same : to.number_for({});
}

Result<void> KernelPolicies::move_all(const Generation& to, const Numbers& below)
{
    for (const auto move : {&KernelPolicies::move_parents, &KernelPolicies::move_sandboxes}) {
        for (int look = 0; look < kLooks; ++look) {
            const auto moved = (this->*move)(to, below);
            if (!moved)
                return std::unexpected(moved.error());
            if (*moved == 0)
                break;
        }
    }
    return {};
}

Result<std::size_t> KernelPolicies::move_parents(const Generation& to, const Numbers& below)
{
    std::vector<std::pair<std::uint64_t, fns_parent>> found;
    tables_.parents.for_each([&](std::uint64_t id, const fns_parent& parent) {
        if (!to.holds(parent.policy_id))
            found.emplace_back(id, parent);
    });
    for (auto& [id, parent] : found) {
        parent.policy_id = translated(parent.policy_id, to, below);
        if (auto moved = tables_.parents.update_existing(id, parent); !moved)
            return pass(std::move(moved), "cannot change the policy of what appears below a cgroup");
    }
    return found.size();
}

Result<std::size_t> KernelPolicies::move_sandboxes(const Generation& to, const Numbers& below)
{
    std::vector<std::pair<std::uint64_t, fns_assignment>> found;
    tables_.assignments.for_each([&](std::uint64_t id, const fns_assignment& assigned) {
        if (!to.holds(assigned.policy_id) && !inherited_.contains(assigned.policy_id))
            found.emplace_back(id, assigned);
    });
    for (auto& [id, assigned] : found) {
        const auto known = known_.find(id);
        assigned.policy_id =
            known != known_.end() ? to.number_for(known->second.name) : translated(assigned.policy_id, to, below);
        if (auto moved = tables_.assignments.update_existing(id, assigned); !moved)
            return pass(std::move(moved), "cannot change the policy of a sandbox");
    }
    return found.size();
}

// --- sandboxes -----------------------------------------------------------------------------------------------------

Result<void> KernelPolicies::assign(SandboxId sandbox, const SandboxName& name, bool warm)
{
    const auto [entry, fresh] = known_.try_emplace(sandbox);
    Known& known = entry->second;
    Result<void> entered;
    if (fresh || known.name != name) {
        entered = enter_name(name, known.name_id);
        if (!fresh)
            leave_name(known.name);
        known.name = name;
    }
    const fns_assignment assigned{
        .policy_id = current_.number_for(name), .name_id = known.name_id, .warm = warm ? 1U : 0U, .padding = 0};
    if (auto written = tables_.assignments.update(sandbox, assigned); !written)
        return pass(std::move(written), "no policy can be given to " + name.display());
    return entered;
}

void KernelPolicies::assign_parent(std::uint64_t cgroup_id, const std::string& path, const Recogniser& recogniser)
{
    auto parent = tables_.parents.lookup(cgroup_id);
    if (!parent)
        return;  // gone, or a cgroup that only the kernel side knows as such
    const std::uint32_t number = current_.number_for(name_below(path, *parent, recogniser));
    if (number == parent->policy_id)
        return;
    parent->policy_id = number;
    (void)tables_.parents.update_existing(cgroup_id, *parent);
}

void KernelPolicies::forget(SandboxId sandbox)
{
    (void)tables_.assignments.erase(sandbox);
    const auto known = known_.find(sandbox);
    if (known == known_.end())
        return;
    leave_name(known->second.name);
    known_.erase(known);
}

// --- who may read whose memory -------------------------------------------------------------------------------------

Result<void> KernelPolicies::enter_name(const SandboxName& name, std::uint32_t& id)
{
    id = 0;
    if (name.function.empty())
        return {};
    NameEntry& entry = names_[{name.platform, name.tenant, name.function}];
    if (entry.sandboxes++ == 0)
        entry.id = next_name_++;
    id = entry.id;
    if (entry.sandboxes > 1 || !current_.set)
        return {};
    Pairs wanted;
    const auto add = [&](const SandboxName& target, std::uint32_t target_id, const SandboxName& actor,
                         std::uint32_t actor_id) {
        if (may_read_memory(*current_.set->policy_for(target), target, actor))
            wanted.emplace(target_id, actor_id);
    };
    for (const auto& [key, other] : names_) {
        add(name, entry.id, name_of(key), other.id);
        add(name_of(key), other.id, name, entry.id);
    }
    if (auto allowed = allow(wanted); !allowed)
        return pass(std::move(allowed), name.display() + " is refused what memory.allow_from lists");
    return {};
}

void KernelPolicies::leave_name(const SandboxName& name)
{
    const auto entry = names_.find({name.platform, name.tenant, name.function});
    if (entry == names_.end() || --entry->second.sandboxes > 0)
        return;
    Pairs left = pairs_;
    std::erase_if(left, [id = entry->second.id](const auto& pair) { return pair.first == id || pair.second == id; });
    forbid_all_but(left);
    names_.erase(entry);
}

KernelPolicies::Pairs KernelPolicies::wanted_pairs(const PolicySet& set) const
{
    Pairs wanted;
    for (const auto& [target_key, target] : names_) {
        const SandboxName name = name_of(target_key);
        const auto policy = set.policy_for(name);
        if (!policy->memory.allow_from || policy->memory.allow_from->empty())
            continue;
        for (const auto& [actor_key, actor] : names_)
            if (may_read_memory(*policy, name, name_of(actor_key)))
                wanted.emplace(target.id, actor.id);
    }
    return wanted;
}

Result<void> KernelPolicies::allow(const Pairs& wanted)
{
    for (const auto& pair : wanted) {
        if (pairs_.contains(pair))
            continue;
        if (auto added = tables_.memory_allowed.update({pair.first, pair.second}, 1); !added)
            return pass(std::move(added), "the kernel's table of who may read memory takes no more");
        pairs_.insert(pair);
    }
    return {};
}

void KernelPolicies::forbid_all_but(const Pairs& wanted)
{
    std::erase_if(pairs_, [&](const auto& pair) {
        return !wanted.contains(pair) && tables_.memory_allowed.erase({pair.first, pair.second}).has_value();
    });
}

}  // namespace fnshield
