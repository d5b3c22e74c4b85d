// SPDX-License-Identifier: Apache-2.0
#include "daemon/respond/ulid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "daemon/app/system_random.h"

namespace fnshield {
namespace {

class FixedRandom final : public RandomSource {
public:
    explicit FixedRandom(std::uint8_t byte) : byte_(byte) {}
    void fill(std::span<std::uint8_t> bytes) override { std::ranges::fill(bytes, byte_); }

private:
    std::uint8_t byte_;
};

TEST(Ulid, IsTimeThenRandomInBase32)
{
    FixedRandom random(0);
    UlidMaker maker(random);
    // The time part of the specification's example, 01ARZ3NDEK.
    EXPECT_EQ(maker.make(1469922850259), "01ARZ3NDEK0000000000000000");
}

TEST(Ulid, CountsUpWithinAMillisecond)
{
    FixedRandom random(0xff);
    UlidMaker maker(random);
    std::string before = maker.make(1000);
    for (int i = 0; i < 1000; ++i) {
        const std::string next = maker.make(1000);
        EXPECT_LT(before, next);
        before = next;
    }
    EXPECT_LT(before, maker.make(1001));
}

TEST(Ulid, SortsByTime)
{
    SystemRandom random;
    UlidMaker maker(random);
    std::vector<std::string> ids;
    for (std::int64_t ms : {1LL, 31LL, 32LL, 1024LL, 1'700'000'000'000LL, 1'800'000'000'000LL})
        ids.push_back(maker.make(ms));
    EXPECT_TRUE(std::ranges::is_sorted(ids));
    EXPECT_EQ(ids.back().size(), 26U);
}

TEST(Ulid, TakesAnyClock)
{
    FixedRandom random(0);
    UlidMaker maker(random);
    EXPECT_EQ(maker.make(-5), "00000000000000000000000000");
    EXPECT_EQ(maker.make(INT64_MAX), "7ZZZZZZZZZ0000000000000000");
}

TEST(SystemRandom, GivesDifferentBytes)
{
    SystemRandom random;
    std::set<std::string> seen;
    for (int i = 0; i < 16; ++i) {
        UlidMaker maker(random);
        seen.insert(maker.make(1));
    }
    EXPECT_EQ(seen.size(), 16U);
}

}  // namespace
}  // namespace fnshield
