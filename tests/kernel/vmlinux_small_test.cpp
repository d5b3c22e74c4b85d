// SPDX-License-Identifier: Apache-2.0
//
// bpf/lib/vmlinux_small.h is as good as the kernel's full vmlinux.h: of every object, the same programs load, and once
// libbpf has put in this kernel's offsets they are the same instructions, one by one. An offset that came from the
// small header instead of the kernel (offsetof, sizeof, pointer arithmetic) would differ here.
//
// Builds for it: build/bpf (the objects of the skeletons) and build/bpf-small (the same sources, the small header).
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/kernel/libbpf.h"

namespace fnshield {
namespace {

using Names = std::set<std::string>;
using Programs = std::map<std::string, std::vector<std::string>>;  // by name: the instructions, printed

struct ObjectDeleter {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, ObjectDeleter>;

std::filesystem::path full_folder()
{
    return std::filesystem::path(FNSHIELD_BUILD_DIR) / "bpf";
}
std::filesystem::path small_folder()
{
    return std::filesystem::path(FNSHIELD_BUILD_DIR) / "bpf-small";
}

std::vector<std::string> object_files(const std::filesystem::path& folder)
{
    Names files;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing))
        if (entry.path().string().ends_with(".bpf.o"))
            files.insert(entry.path().filename());
    return {files.begin(), files.end()};
}

Result<Object> open_object(const std::filesystem::path& path)
{
    Object object(bpf_object__open_file(path.c_str(), nullptr));
    if (!object)
        return fail_errno("cannot open " + path.string());
    return object;
}

Names names_of(const bpf_object* object)
{
    Names names;
    bpf_program* program = nullptr;
    while ((program = bpf_object__next_program(object, program)) != nullptr)
        names.insert(bpf_program__name(program));
    return names;
}

// The descriptor of a map is another one in every load; all else must be the same.
std::string print(const bpf_insn& instruction)
{
    const bool has_map = instruction.code == (BPF_LD | BPF_IMM | BPF_DW) &&
                         (instruction.src_reg == BPF_PSEUDO_MAP_FD || instruction.src_reg == BPF_PSEUDO_MAP_VALUE);
    return "code " + std::to_string(instruction.code) + " dst " + std::to_string(instruction.dst_reg) + " src " +
           std::to_string(instruction.src_reg) + " off " + std::to_string(instruction.off) + " imm " +
           (has_map ? "map" : std::to_string(instruction.imm));
}

// Loads these programs of the object, and no others.
Result<Programs> load(const std::filesystem::path& path, const Names& wanted)
{
    auto object = open_object(path);
    if (!object)
        return std::unexpected(object.error());
    bpf_program* program = nullptr;
    while ((program = bpf_object__next_program(object->get(), program)) != nullptr)
        bpf_program__set_autoload(program, wanted.contains(bpf_program__name(program)));
    (void)take_libbpf_output();
    if (const int failed = bpf_object__load(object->get()); failed != 0)
        return fail_errno("cannot load " + path.string() + ": " + take_libbpf_output(), failed);
    Programs programs;
    while ((program = bpf_object__next_program(object->get(), program)) != nullptr) {
        if (!bpf_program__autoload(program))
            continue;
        std::vector<std::string>& printed = programs[bpf_program__name(program)];
        for (const bpf_insn& instruction : std::span(bpf_program__insns(program), bpf_program__insn_cnt(program)))
            printed.push_back(print(instruction));
    }
    return programs;
}

// Of these programs, all that this kernel takes: it may lack a hook, and the daemon then does without.
Result<Programs> load_what_it_takes(const std::filesystem::path& path, const Names& all)
{
    if (auto programs = load(path, all))
        return programs;
    Names taken;
    for (const std::string& name : all)
        if (load(path, {name}))
            taken.insert(name);
    return load(path, taken);
}

std::string first_difference(const std::vector<std::string>& got, const std::vector<std::string>& wanted)
{
    const auto [ours, theirs] = std::ranges::mismatch(got, wanted);
    if (ours == got.end() && theirs == wanted.end())
        return "";
    return "instruction " + std::to_string(ours - got.begin()) + ": " + (ours == got.end() ? "none" : *ours) +
           ", and in the full one " + (theirs == wanted.end() ? "none" : *theirs);
}

class VmlinuxSmall : public testing::TestWithParam<std::string> {
protected:
    static void SetUpTestSuite() { capture_libbpf_output(); }
};

TEST_P(VmlinuxSmall, LoadsTheSamePrograms)
{
    const auto full = open_object(full_folder() / GetParam());
    const auto small = open_object(small_folder() / GetParam());
    ASSERT_TRUE(full) << full.error().message;
    ASSERT_TRUE(small) << small.error().message;
    const Names all = names_of(full->get());
    ASSERT_EQ(names_of(small->get()), all);

    const auto expected = load_what_it_takes(full_folder() / GetParam(), all);
    const auto loaded = load_what_it_takes(small_folder() / GetParam(), all);
    ASSERT_TRUE(expected) << expected.error().message;
    ASSERT_TRUE(loaded) << loaded.error().message;
    const bool may_be_refused = GetParam().ends_with("_probe.bpf.o");
    EXPECT_TRUE(!expected->empty() || all.empty() || may_be_refused);
    for (const auto& [name, instructions] : *expected) {
        const auto found = loaded->find(name);
        ASSERT_NE(found, loaded->end()) << name;
        EXPECT_EQ(first_difference(found->second, instructions), "") << name;
    }
    EXPECT_EQ(loaded->size(), expected->size());
}

INSTANTIATE_TEST_SUITE_P(Objects, VmlinuxSmall, testing::ValuesIn(object_files(full_folder())),
                         [](const auto& object) { return object.param.substr(0, object.param.find('.')); });

TEST(VmlinuxSmallObjects, AreAllThere)
{
    EXPECT_THAT(object_files(full_folder()), testing::Not(testing::IsEmpty()));
    EXPECT_EQ(object_files(small_folder()), object_files(full_folder()));
}

}  // namespace
}  // namespace fnshield
