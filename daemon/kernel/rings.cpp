// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/rings.h"

namespace fnshield {
namespace {

int hand_out(void* context, void* data, std::size_t size)
{
    const auto& on_record = *static_cast<Rings::OnRecord*>(context);
    on_record(std::span(static_cast<const std::byte*>(data), size));
    return 0;
}

}  // namespace

Result<Rings> Rings::make(const SharedMaps& maps, OnRecord on_record)
{
    auto context = std::make_unique<OnRecord>(std::move(on_record));
    ring_buffer* rings = ring_buffer__new(maps.critical_ring_fd(), hand_out, context.get(), nullptr);
    if (rings == nullptr)
        return fail_errno("cannot map the critical event ring");
    Rings made(std::move(context), rings);
    if (const int failed = ring_buffer__add(rings, maps.bulk_ring_fd(), hand_out, made.on_record_.get()); failed != 0)
        return fail_errno("cannot map the bulk event ring", failed);
    return made;
}

int Rings::epoll_fd() const
{
    return ring_buffer__epoll_fd(rings_.get());
}

Result<int> Rings::drain()
{
    const int records = ring_buffer__consume(rings_.get());
    if (records < 0)
        return fail_errno("cannot read the event rings", records);
    return records;
}

}  // namespace fnshield
