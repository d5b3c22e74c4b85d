// SPDX-License-Identifier: Apache-2.0
#include "daemon/model/model.h"

#include <utility>

#include "daemon/model/model_state.h"

namespace fnshield {

Model::Model(const Recogniser& recogniser, const PolicySource& policies, Limits limits)
    : state_(std::make_unique<State>(recogniser, policies, limits))
{
}

Model::~Model() = default;

std::vector<Event> Model::apply(const Event& event)
{
    std::vector<Event> out;
    state_->apply(event, out);
    return out;
}

const Sandbox* Model::sandbox(SandboxId id) const
{
    const SandboxEntry* const entry = std::as_const(state_->sandboxes).find(id);
    return entry != nullptr ? &entry->box : nullptr;
}

const Process* Model::process(std::uint32_t tgid, Nanoseconds start_ns) const
{
    return state_->processes.find(tgid, start_ns);
}

std::vector<const Process*> Model::ancestors(const Process& process, std::size_t depth) const
{
    return state_->processes.ancestors(process, depth);
}

void Model::for_each_sandbox(const std::function<void(const Sandbox&)>& visit) const
{
    std::as_const(state_->sandboxes).for_each([&visit](const SandboxEntry& entry) { visit(entry.box); });
}

std::vector<TableStats> Model::tables() const
{
    return {state_->sandboxes.stats(), state_->processes.stats()};
}

void Model::count_alert(SandboxId id)
{
    if (SandboxEntry* const entry = state_->sandboxes.find(id))
        ++entry->box.alerts;
}

void Model::refresh_policies()
{
    state_->sandboxes.for_each(
        [this](SandboxEntry& entry) { entry.box.policy = state_->policies.policy_for(entry.box.name); });
}

void Model::rename(SandboxId id, SandboxName name)
{
    SandboxEntry* const entry = state_->sandboxes.find(id);
    if (entry == nullptr)
        return;
    entry->box.name = std::move(name);
    entry->box.policy = state_->policies.policy_for(entry->box.name);
}

}  // namespace fnshield
