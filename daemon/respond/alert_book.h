// SPDX-License-Identifier: Apache-2.0
//
// The alerts of this node: makes one for a finding, or raises the count of the one that is there.
//
// The same finding is: the same rule, sandbox and key, no later than `cooldown_ns` after it was last seen. It raises
// `count` on the one alert. An alert goes out at once when it is made; while it is being raised it goes out again at
// most once in `update_interval_ns`, and what is pending goes out with tick(), when the cooldown ends, when the alert
// has to make room, and with flush() at the end: the last line that is written of an alert has its final count.
//
// A finding that is a step of an incident (incident.h) makes no alert: it is added to the one that began it, which
// counts as seen again. The same finding once more raises the step's count.
//
// Time is the event's, so a replay gives the same alerts. Bounded: `active` alerts can still be raised (the one not
// seen for longest makes room and is counted as evicted), the last `recent` are kept to be shown. Not thread-safe; the
// loop owns it.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/respond/incident.h"
#include "daemon/respond/make_alert.h"
#include "daemon/respond/ulid.h"

namespace fnshield {

class AlertBook {
public:
    using AlertPtr = std::shared_ptr<const Alert>;

    struct Options {
        Nanoseconds cooldown_ns = 60 * kSecond;
        Nanoseconds update_interval_ns = 5 * kSecond;
        std::size_t active = 1024;
        std::size_t recent = 1000;
    };

    enum class Outcome : std::uint8_t {
        made,     // a new alert
        joined,   // a new step of one that is there
        updated,  // the count of one that is there, or of a step of it, was raised
        off,      // the policy does not want it: counted, no alert
    };

    struct Recorded {
        Outcome outcome = Outcome::off;
        AlertPtr alert;              // null where off
        std::vector<AlertPtr> emit;  // to be written now, in this order: an alert that had to make room, then this one
    };

    // `random` outlives the book.
    AlertBook(RandomSource& random, Options options) : options_(options), ids_(random) {}
    explicit AlertBook(RandomSource& random) : AlertBook(random, Options{}) {}

    // `event` and `model` are those that the detection was made from.
    [[nodiscard]] Recorded record(const Detection& detection, const Event& event, const Model& model,
                                  const AlertContext& context);
    // What a responder did about an alert of outcome `made`, before it is written. Until then, what a policy asks for
    // beyond an alert is "taken": "none" (monitor mode).
    void set_taken(const Alert& alert, Action taken);

    // Updates that are due, and those of alerts whose cooldown is over.
    [[nodiscard]] std::vector<AlertPtr> tick(Nanoseconds now_ns);
    // Every pending update, due or not.
    [[nodiscard]] std::vector<AlertPtr> flush();

    // Oldest first.
    [[nodiscard]] const std::deque<AlertPtr>& recent() const { return recent_; }
    // By id or by the beginning of one, in any case; null where none or more than one begins so.
    [[nodiscard]] AlertPtr find(std::string_view id) const;
    [[nodiscard]] TableStats table() const;
    // Findings that a policy turned off.
    [[nodiscard]] std::uint64_t turned_off() const { return turned_off_; }

private:
    struct Key {
        std::string rule;
        SandboxId sandbox;
        std::string key;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const;
    };
    struct Entry {
        std::vector<Key> keys;  // of the alert, then of its steps
        Lineage lineage;        // of the act that made it
        std::shared_ptr<Alert> alert;
        Nanoseconds emitted_ns = 0;  // event time of the last emission
        bool pending = false;
    };
    using Entries = std::list<Entry>;  // the one not seen for longest first
    struct Place {
        Entries::iterator entry;
        std::size_t key = 0;  // among the entry's
    };

    [[nodiscard]] bool is_over(const Entry& entry, Nanoseconds now_ns) const;
    void raise(Place place, const Detection& detection, const Event& event, const Model& model, Recorded& recorded);
    [[nodiscard]] Entries::iterator incident_of(const Detection& detection, const Event& event, const Lineage& lineage);
    void join(Entries::iterator entry, Key key, const Detection& detection, const Event& event, const Model& model,
              Recorded& recorded);
    void see_again(Entries::iterator entry, const Detection& detection, const Event& event, const Model& model,
                   Recorded& recorded);
    void forget(Entries::iterator entry, std::vector<AlertPtr>& emit);
    [[nodiscard]] std::shared_ptr<Alert> keep(Alert alert);

    Options options_;
    UlidMaker ids_;
    Entries entries_;
    std::unordered_map<Key, Place, KeyHash> index_;
    std::deque<AlertPtr> recent_;
    std::uint64_t evictions_ = 0;
    std::uint64_t turned_off_ = 0;
};

}  // namespace fnshield
