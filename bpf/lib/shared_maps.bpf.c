// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * The maps that all sensors share. The linker (bpftool gen object) puts this file into every sensor's object; the
 * daemon makes each map once and hands it to every object with bpf_map__reuse_fd, so there is one of each on the node.
 *
 * | map             | key               | writer                        | reader   | when it is full                  |
 * | sandboxes       | cgroup id         | lifecycle, daemon (adoption)  | all      | not registered, counted TABLE    |
 * | path_walks      | slot              | path.bpf.h                    | the same | fixed size                       |
 * | listed_texts    | slot              | listed_path.bpf.h             | the same | fixed size                       |
 * | members         | tgid              | lifecycle, process            | all      | counted TABLE                    |
 * | known_files     | fns_file_key      | file                          | process  | LRU: nobody was seen             |
 * | counters        | enum fns_sensor   | all                           | daemon   | fixed size                       |
 * | seen            | fns_seen_key      | all                           | all      | LRU: an act is forwarded again   |
 * | events_critical | -                 | rare events that decide       | daemon   | counted RING_CRITICAL            |
 * | events_bulk     | -                 | frequent events, budgeted     | daemon   | counted RING_BULK, BUDGET        |
 * | assignments     | cgroup id         | lifecycle (mkdir), daemon     | verdicts | no verdicts there, counted TABLE |
 * | starts          | cgroup id         | process: its first exec       | process  | LRU: not before it is over       |
 * | policies        | policy number     | daemon                        | verdicts | the load fails, the old stays    |
 * | listed_paths    | fns_path_key      | daemon                        | verdicts | the same                         |
 * | listed_networks | fns_network_key   | daemon                        | verdicts | the same                         |
 * | listed_names    | fns_name_key      | daemon                        | verdicts | the same                         |
 * | resolved        | fns_resolved_key  | egress (DNS answers)          | verdicts | LRU: the address is refused      |
 * | memory_allowed  | fns_name_pair     | daemon                        | verdicts | the daemon says so; then refused |
 *
 * Sizes are for a node of a few thousand live sandboxes; the daemon may set others before loading.
 */
#include "shared_maps.bpf.h"

struct fns_sandboxes_map sandboxes SEC(".maps");
struct fns_path_walks_map path_walks SEC(".maps");
struct fns_listed_texts_map listed_texts SEC(".maps");
struct fns_members_map members SEC(".maps");
struct fns_assignments_map assignments SEC(".maps");
struct fns_starts_map starts SEC(".maps");
struct fns_policies_map policies SEC(".maps");
struct fns_listed_paths_map listed_paths SEC(".maps");
struct fns_listed_networks_map listed_networks SEC(".maps");
struct fns_listed_names_map listed_names SEC(".maps");
struct fns_resolved_map resolved SEC(".maps");
struct fns_memory_allowed_map memory_allowed SEC(".maps");
struct fns_known_files_map known_files SEC(".maps");
struct fns_counters_map counters SEC(".maps");
struct fns_seen_map seen SEC(".maps");
struct fns_critical_ring events_critical SEC(".maps");
struct fns_bulk_ring events_bulk SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";
