// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/own_objects.h"

#include <gmock/gmock.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace fnshield {
namespace {

TEST(OwnObjects, WhatAFdinfoTells)
{
    EXPECT_EQ(object_of_fdinfo("anon_inode:bpf-map", "pos:\t0\nflags:\t02\nmap_type:\t1\nmap_id:\t71\n"),
              FNS_OWN_OBJECT(FNS_OBJECT_MAP, 71));
    EXPECT_EQ(object_of_fdinfo("anon_inode:bpf-prog", "prog_type:\t26\nprog_id:\t5\n"),
              FNS_OWN_OBJECT(FNS_OBJECT_PROG, 5));
    // A link's also names its program, which may be another's.
    EXPECT_EQ(object_of_fdinfo("anon_inode:bpf_link", "link_type:\traw_tracepoint\nlink_id:\t9\nprog_id:\t5\n"),
              FNS_OWN_OBJECT(FNS_OBJECT_LINK, 9));
    EXPECT_EQ(object_of_fdinfo("anon_inode:bpf-link", "link_id:\t9\n"), FNS_OWN_OBJECT(FNS_OBJECT_LINK, 9));
}

TEST(OwnObjects, WhatIsNone)
{
    EXPECT_EQ(object_of_fdinfo("anon_inode:[eventpoll]", "map_id:\t71\n"), 0U);
    EXPECT_EQ(object_of_fdinfo("/tmp/bpf-map", "map_id:\t71\n"), 0U);
    EXPECT_EQ(object_of_fdinfo("anon_inode:bpf-map", ""), 0U);
    EXPECT_EQ(object_of_fdinfo("anon_inode:bpf-map", "map_id:"), 0U);
    EXPECT_EQ(object_of_fdinfo("anon_inode:bpf-map", "map_id:\tx\n"), 0U);
    EXPECT_EQ(object_of_fdinfo("anon_inode:bpf-map", "frozen_map_id:\t71\n"), 0U) << "another line";
}

TEST(OwnObjects, OfAProcess)
{
    namespace fs = std::filesystem;
    const fs::path proc = fs::path(testing::TempDir()) / ("fnshield-own-" + std::to_string(::getpid()));
    fs::create_directories(proc / "self/fd");
    fs::create_directories(proc / "self/fdinfo");
    const auto descriptor = [&](const std::string& number, const std::string& link, const std::string& info) {
        fs::create_symlink(link, proc / "self/fd" / number);
        std::ofstream(proc / "self/fdinfo" / number) << info;
    };
    descriptor("0", "/dev/null", "pos:\t0\n");
    descriptor("3", "anon_inode:bpf-map", "map_id:\t71\n");
    descriptor("4", "anon_inode:bpf-map", "map_id:\t71\n");  // the same map again
    descriptor("5", "anon_inode:bpf_link", "link_id:\t9\n");
    const auto keys = own_objects(proc);
    fs::remove_all(proc);
    ASSERT_TRUE(keys) << keys.error().message;
    EXPECT_THAT(*keys, testing::ElementsAre(FNS_OWN_OBJECT(FNS_OBJECT_MAP, 71), FNS_OWN_OBJECT(FNS_OBJECT_LINK, 9)));
    EXPECT_FALSE(own_objects("/no/such/proc"));
}

}  // namespace
}  // namespace fnshield
