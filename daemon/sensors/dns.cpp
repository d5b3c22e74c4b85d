// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/dns.h"

namespace fnshield {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kNameBytes = 255;
constexpr std::size_t kLabelBytes = 63;

std::uint8_t byte_at(std::span<const std::byte> message, std::size_t at)
{
    return std::to_integer<std::uint8_t>(message[at]);
}

std::uint16_t word_at(std::span<const std::byte> message, std::size_t at)
{
    return static_cast<std::uint16_t>(byte_at(message, at) << 8 | byte_at(message, at + 1));
}

void append_escaped(std::string& name, std::uint8_t byte)
{
    const bool plain = byte > ' ' && byte < 0x7f && byte != '.' && byte != '\\';
    if (byte >= 'A' && byte <= 'Z') {
        name += static_cast<char>(byte - 'A' + 'a');
    } else if (plain) {
        name += static_cast<char>(byte);
    } else {
        name += '\\';
        name += static_cast<char>('0' + byte / 100);
        name += static_cast<char>('0' + byte / 10 % 10);
        name += static_cast<char>('0' + byte % 10);
    }
}

}  // namespace

DnsQuestion decode_dns_question(std::span<const std::byte> message)
{
    DnsQuestion question{.name = {}, .type = 0, .malformed = true};
    if (message.size() < kHeaderBytes || word_at(message, 4) == 0)  // QDCOUNT
        return question;
    std::size_t at = kHeaderBytes;
    for (;;) {
        if (at >= message.size())
            return question;
        const std::size_t length = byte_at(message, at++);
        if (length == 0)
            break;
        // A first question has nothing before it that a compression pointer (0xc0) could point to but the header.
        if (length > kLabelBytes || at + length - kHeaderBytes >= kNameBytes || length > message.size() - at)
            return question;
        if (!question.name.empty())
            question.name += '.';
        for (const std::size_t end = at + length; at < end; ++at)
            append_escaped(question.name, byte_at(message, at));
    }
    if (question.name.empty())
        question.name.push_back('.');
    if (message.size() - at < 4)  // type and class
        return question;
    question.type = word_at(message, at);
    question.malformed = false;
    return question;
}

}  // namespace fnshield
