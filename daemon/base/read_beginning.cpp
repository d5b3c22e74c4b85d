// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/read_beginning.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/base/unique_fd.h"

namespace fnshield {

std::string read_beginning(const std::string& path, std::size_t limit)
{
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return {};
    std::string text(limit, '\0');
    const ssize_t got = ::read(fd.get(), text.data(), text.size());
    if (got < 0)
        return {};
    errno = 0;
    text.resize(static_cast<std::size_t>(got));
    return text;
}

}  // namespace fnshield
