// SPDX-License-Identifier: Apache-2.0
//
// model.weights_exfiltration (T1041): a sandbox that has read a model sends about as much as the model is large.
//
// Signal: a declared model file is opened; then the sandbox's own TCP connections and UDP sockets, all of them
// together, send seven tenths of its size (of the largest that it read; 4 MiB at least) within ten minutes to peers
// that the policy's egress list does not have. Without such a list, any peer outside counts, and the finding is medium.
// Why it works: weights are the largest thing that a model server has, and it answers its clients, it does not call
// them. Lineage is the whole sandbox: a pipe takes the bytes from the process that reads to the one that sends. False
// positives: uploads of that size to a store that is not listed. Gets past it: answers to whoever connects to the
// function; a relay on loopback or in another container of the pod; more than ten minutes; a file that was read before
// the daemon came, or by a path that is not listed. Memory: BoundedTable of sandboxes, 61 numbers each.
#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 600 * kSecond;
constexpr Nanoseconds kSlot = 10 * kSecond;
constexpr std::uint64_t kMebibyte = 1ULL << 20;
constexpr std::uint64_t kLeastBytes = 4 * kMebibyte;
constexpr std::size_t kSandboxes = 16384;

constexpr std::array<std::string_view, 1> kTechniques{"T1041"};
constexpr std::array kKinds{EventKind::file_open, EventKind::file_write, EventKind::traffic};

constexpr RuleDescriptor kDescriptor{
    .rule = "model.weights_exfiltration",
    .category = Category::model,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A sandbox that read a model sent about as many bytes as the model has",
    .long_text =
        "After it opened a declared model, this sandbox sent about that much to an address that its policy does not "
        "list. Cut the connection off, freeze the sandbox, and find out who owns the address and which request was "
        "served then. If the function uploads results of that size by design, list where they go in egress.warm of "
        "its policy.",
    .kinds = kKinds,
};

// The largest model that a sandbox has read, and what it sent since.
struct Outflow {
    struct Slot {
        Nanoseconds began_ns;
        std::uint64_t bytes;
    };
    std::string model;
    std::uint64_t model_bytes = 0;
    Event read;
    std::deque<Slot> slots;
    std::uint64_t sent_bytes = 0;  // in all slots
};

std::string mebibytes(std::uint64_t bytes)
{
    std::array<char, 32> text{};
    const int length = std::snprintf(text.data(), text.size(), "%.1f MiB",
                                     static_cast<double>(bytes) / static_cast<double>(kMebibyte));
    return {text.data(), static_cast<std::size_t>(length)};
}

class WeightsExfiltration : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.sandbox == kHost || seen.by_runtime())
            return std::nullopt;
        if (const auto* file = seen.event.as<FileBody>()) {
            note_read(seen.event, *file);
            return std::nullopt;
        }
        const auto* traffic = seen.event.as<TrafficBody>();
        Outflow* outflow = traffic ? outflows_.find(seen.event.sandbox) : nullptr;
        if (!outflow)
            return std::nullopt;
        count(*outflow, seen.event.time_ns, traffic->new_bytes);
        if (outflow->sent_bytes < std::max(kLeastBytes, outflow->model_bytes / 10 * 7))
            return std::nullopt;
        Finding finding = describe(seen, *outflow, *traffic);
        outflow->slots.clear();
        outflow->sent_bytes = 0;
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { outflows_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {outflows_.stats()}; }

private:
    // What was sent before a larger model was read is not of that one.
    void note_read(const Event& event, const FileBody& file)
    {
        const bool opens = file.access == FNS_FILE_READ || file.access == FNS_FILE_WRITE;
        if (file.file_class != FNS_FILE_CLASS_MODEL || !opens || event.has(FNS_FLAG_DENIED) || file.size_bytes == 0)
            return;
        Outflow& outflow = outflows_.get(event.sandbox);
        if (file.size_bytes > outflow.model_bytes)
            outflow = {.model = file.path, .model_bytes = file.size_bytes, .read = event, .slots = {}};
    }

    static void count(Outflow& outflow, Nanoseconds now, std::uint64_t bytes)
    {
        auto& slots = outflow.slots;
        if (slots.empty() || now >= slots.back().began_ns + kSlot)
            slots.push_back({.began_ns = now, .bytes = 0});
        slots.back().bytes += bytes;
        outflow.sent_bytes += bytes;
        while (slots.front().began_ns + kWindow < now) {
            outflow.sent_bytes -= slots.front().bytes;
            slots.pop_front();
        }
    }

    static Finding describe(const Observation& seen, const Outflow& outflow, const TrafficBody& traffic)
    {
        const bool warm = seen.sandbox && seen.sandbox->warm();
        const auto& egress = seen.policy->egress;
        Finding finding;
        finding.summary = actor_label(seen) + " sent " + mebibytes(outflow.sent_bytes) + " within " +
                          seconds_text(seen.event.time_ns - outflow.slots.front().began_ns) + ", the last of it to " +
                          endpoint_text(traffic.remote) + ", after it read model " + printable(outflow.model) + " (" +
                          mebibytes(outflow.model_bytes) + ") (" + program_of(seen) + ")";
        finding.key = outflow.model;
        finding.target.file = outflow.model;
        finding.target.address = traffic.remote.address_text();
        finding.target.port = traffic.remote.port;
        finding.earlier_evidence = {outflow.read};
        if (!(warm ? egress.warm : egress.init))
            finding.severity = Severity::medium;
        return finding;
    }

    BoundedTable<SandboxId, Outflow> outflows_{"model_weights_exfiltration_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_model_weights_exfiltration()
{
    return std::make_unique<WeightsExfiltration>();
}

}  // namespace fnshield::detect
