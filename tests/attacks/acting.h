// SPDX-License-Identifier: Apache-2.0
//
// What acts share: their arguments, how they print a result, descriptors over a socket.
#pragma once

#include <sys/types.h>

#include <string>

#include "tests/attacks/act.h"

namespace fnshield::attacks {

// PID and ADDRESS, the first and second argument; ends the program where they are missing.
[[nodiscard]] pid_t pid(Arguments arguments);
[[nodiscard]] void* address(Arguments arguments);
[[nodiscard]] const char* word(Arguments arguments, std::size_t index);
// "/proc/PID/NAME" of the first argument.
[[nodiscard]] std::string proc_path(Arguments arguments, const char* name);

// Prints "result=N", or "result=-ERRNO" where the call failed; the act's exit code.
[[nodiscard]] int print_result(long result);

// A system call by the 32-bit entry, which any 64-bit program can use; pointers must lie below 4 GiB (MAP_32BIT). Its
// result, or −errno.
[[nodiscard]] long call_32(long number, long first, long second, long third = 0, long fourth = 0, long fifth = 0);
// A pointer as an argument of call_32.
[[nodiscard]] long low(const void* pointer);

[[nodiscard]] bool send_descriptor(int socket, int fd);
[[nodiscard]] int receive_descriptor(int socket);

}  // namespace fnshield::attacks
