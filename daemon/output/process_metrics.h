// SPDX-License-Identifier: Apache-2.0
//
// The process_* metrics that every Prometheus client library gives, read from /proc/self when they are asked for.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace fnshield {

// What cannot be read is left out.
[[nodiscard]] std::vector<prometheus::MetricFamily> process_metrics();

}  // namespace fnshield
