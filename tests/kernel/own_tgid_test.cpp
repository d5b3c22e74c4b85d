// SPDX-License-Identifier: Apache-2.0
//
// Which number the kernel's programs see for this process, here and in a pid namespace of its own.
#include "daemon/kernel/own_tgid.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/unique_fd.h"

namespace fnshield {
namespace {

struct Answer {
    std::uint32_t number = 0;
    std::uint32_t nested = 0;
};

// Of a child in a new pid namespace; its own getpid() is 1 there.
void answer_in_a_namespace(int to)
{
    const auto own = own_tgid();
    const Answer answer{.number = own ? own->number : 0, .nested = own && own->nested && ::getpid() == 1 ? 1U : 0U};
    ::_exit(::write(to, &answer, sizeof(answer)) == sizeof(answer) ? 0 : 1);
}

TEST(OwnTgid, IsGetpidInTheInitialNamespace)
{
    const auto own = own_tgid();
    ASSERT_TRUE(own) << own.error().message;
    EXPECT_EQ(own->number, static_cast<std::uint32_t>(::getpid()));
    EXPECT_FALSE(own->nested);
}

TEST(OwnTgid, IsTheKernelsNumberInANamespaceOfItsOwn)
{
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const UniqueFd from(ends[0]);
    const UniqueFd to(ends[1]);
    // The fork's caller stays in this namespace and so is told the number that is wanted; what it forks lives below.
    const pid_t parent = ::fork();
    if (parent == 0) {
        if (::unshare(CLONE_NEWPID) != 0)
            ::_exit(1);
        const pid_t child = ::fork();
        if (child == 0)
            answer_in_a_namespace(to.get());
        int status = 1;
        const bool ended = ::waitpid(child, &status, 0) == child && status == 0;
        const auto number = static_cast<std::uint32_t>(child);
        ::_exit(ended && ::write(to.get(), &number, sizeof(number)) == sizeof(number) ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(::waitpid(parent, &status, 0), parent);
    ASSERT_EQ(status, 0);
    Answer answer;
    std::uint32_t expected = 0;
    ASSERT_EQ(::read(from.get(), &answer, sizeof(answer)), static_cast<ssize_t>(sizeof(answer)));
    ASSERT_EQ(::read(from.get(), &expected, sizeof(expected)), static_cast<ssize_t>(sizeof(expected)));
    EXPECT_EQ(answer.nested, 1U);
    EXPECT_EQ(answer.number, expected);
}

}  // namespace
}  // namespace fnshield
