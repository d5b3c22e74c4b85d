// SPDX-License-Identifier: Apache-2.0
//
// Handles over libbpf's objects: links, skeletons, maps. The rest of the daemon never sees a raw libbpf pointer or
// closes one by hand. Not thread-safe.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/base/unique_fd.h"

namespace fnshield {

// An attached program; detaches when it goes. On cgroups the kernel detaches it when the cgroup goes.
struct BpfLinkDeleter {
    void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using BpfLink = std::unique_ptr<bpf_link, BpfLinkDeleter>;

// What libbpf printed since the last call (warnings and the tail of the verifier's log), cut to a few KiB. libbpf's
// print hook has no context pointer, so this is the one place with a process-wide buffer.
void capture_libbpf_output();
[[nodiscard]] std::string take_libbpf_output();

// A generated skeleton (bpftool gen skeleton), opened but not necessarily loaded.
template <typename Skel>
class Skeleton {
public:
    // `name` is for errors only: "process".
    [[nodiscard]] static Result<Skeleton> open(std::string name)
    {
        Skel* skeleton = Skel::open(nullptr);
        if (skeleton == nullptr)
            return fail_errno("cannot open the BPF object of " + name);
        return Skeleton(std::move(name), skeleton);
    }

    Skel* operator->() const { return skeleton_.get(); }
    [[nodiscard]] bpf_object* object() const { return skeleton_->obj; }

    // What libbpf said about a failure, the verifier's log too, is left for take_libbpf_output().
    [[nodiscard]] Result<void> load()
    {
        (void)take_libbpf_output();
        if (const int failed = Skel::load(skeleton_.get()); failed != 0)
            return fail_errno("the kernel refused the BPF programs of " + name_, failed, ExitCode::unsupported);
        return {};
    }

private:
    struct Deleter {
        void operator()(Skel* skeleton) const { Skel::destroy(skeleton); }
    };
    Skeleton(std::string name, Skel* skeleton) : name_(std::move(name)), skeleton_(skeleton) {}

    std::string name_;
    std::unique_ptr<Skel, Deleter> skeleton_;
};

// A map by its descriptor, typed. Does not own the descriptor: the object or SharedMaps does.
template <typename Key, typename Value>
class Map {
public:
    Map() = default;
    explicit Map(int fd) : fd_(fd) {}

    [[nodiscard]] int fd() const { return fd_; }

    [[nodiscard]] Result<Value> lookup(const Key& key) const
    {
        Value value{};
        if (bpf_map_lookup_elem(fd_, &key, &value) != 0)
            return fail_errno("map look-up");
        return value;
    }

    // flags: BPF_ANY, BPF_NOEXIST, BPF_EXIST
    [[nodiscard]] Result<void> update(const Key& key, const Value& value, std::uint64_t flags = BPF_ANY) const
    {
        if (bpf_map_update_elem(fd_, &key, &value, flags) != 0)
            return fail_errno("map update");
        return {};
    }

    // Changes an entry that is there; one that is gone stays so, which is no error.
    [[nodiscard]] Result<void> update_existing(const Key& key, const Value& value) const
    {
        if (bpf_map_update_elem(fd_, &key, &value, BPF_EXIST) != 0 && errno != ENOENT)
            return fail_errno("map update");
        return {};
    }

    // An absent key is no error.
    [[nodiscard]] Result<void> erase(const Key& key) const
    {
        if (bpf_map_delete_elem(fd_, &key) != 0 && errno != ENOENT)
            return fail_errno("map delete");
        return {};
    }

    // Visits what is there; entries that come and go meanwhile may be missed or seen twice.
    void for_each(const std::function<void(const Key&, const Value&)>& visit) const
    {
        Key key{};
        Key next{};
        const Key* from = nullptr;
        while (bpf_map_get_next_key(fd_, from, &next) == 0) {
            key = next;
            from = &key;
            Value value{};
            if (bpf_map_lookup_elem(fd_, &key, &value) == 0)
                visit(key, value);
        }
    }

    // Erases what is there when it is called and matches. An error is the first of an entry that stays.
    [[nodiscard]] Result<void> erase_if(const std::function<bool(const Key&, const Value&)>& matches) const
    {
        std::vector<Key> found;
        for_each([&](const Key& key, const Value& value) {
            if (matches(key, value))
                found.push_back(key);
        });
        Result<void> outcome;
        for (const Key& key : found)
            if (auto erased = erase(key); !erased && outcome)
                outcome = std::move(erased);
        return outcome;
    }

    // Per-CPU maps: one value for each possible CPU.
    [[nodiscard]] Result<std::vector<Value>> lookup_per_cpu(const Key& key) const
    {
        static_assert(sizeof(Value) % 8 == 0, "the kernel rounds per-CPU values up to 8 bytes");
        const int cpus = libbpf_num_possible_cpus();
        if (cpus < 0)
            return fail_errno("cannot count the CPUs", cpus);
        std::vector<Value> values(static_cast<std::size_t>(cpus));
        if (bpf_map_lookup_elem(fd_, &key, values.data()) != 0)
            return fail_errno("per-CPU map look-up");
        return values;
    }

private:
    int fd_ = -1;
};

}  // namespace fnshield
