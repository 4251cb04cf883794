// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/path_rules.h"

#include <algorithm>
#include <utility>

namespace penstock::net {

class PathRules::Lease final : public PathLease {
public:
    Lease(std::shared_ptr<PathRules> rules, std::shared_ptr<void> keeps, uint64_t id)
        : keeps_(std::move(keeps)), rules_(std::move(rules)), id_(id) {}
    ~Lease() override {
        std::lock_guard lock(rules_->mutex_);
        rules_->leases_.erase(id_);
        rules_->demands_.erase(id_);
    }

private:
    const std::shared_ptr<void> keeps_; ///< the listener is released last
    const std::shared_ptr<PathRules> rules_;
    const uint64_t id_;
};

namespace {

template <class Rules>
auto first_match(const Rules &rules, std::string_view path) {
    const auto found = std::find_if(rules.begin(), rules.end(),
                                    [&](const auto &entry) { return entry.second->matches(path); });
    return found == rules.end() ? nullptr : found->second;
}

template <class Rules>
std::vector<std::string> examples_of(const Rules &rules) {
    std::vector<std::string> out;
    for (const auto &[age, options] : rules)
        if (!options->example.empty()) out.push_back(options->example);
    return out;
}

} // namespace

std::unique_ptr<PathLease> PathRules::add(LeaseOptions options, std::shared_ptr<void> keeps) {
    std::lock_guard lock(mutex_);
    leases_[next_] = std::make_shared<const LeaseOptions>(std::move(options));
    return std::make_unique<Lease>(shared_from_this(), std::move(keeps), next_++);
}

std::unique_ptr<PathLease> PathRules::add(DemandOptions options, std::shared_ptr<void> keeps) {
    std::lock_guard lock(mutex_);
    demands_[next_] = std::make_shared<const DemandOptions>(std::move(options));
    return std::make_unique<Lease>(shared_from_this(), std::move(keeps), next_++);
}

std::shared_ptr<const LeaseOptions> PathRules::lease_for(std::string_view path) const {
    std::lock_guard lock(mutex_);
    return first_match(leases_, path);
}

std::shared_ptr<const DemandOptions> PathRules::demand_for(std::string_view path) const {
    std::lock_guard lock(mutex_);
    return first_match(demands_, path);
}

std::vector<std::string> PathRules::publish_examples() const {
    std::lock_guard lock(mutex_);
    return examples_of(leases_);
}

std::vector<std::string> PathRules::play_examples() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> all = examples_of(leases_);
    for (std::string &example : examples_of(demands_))
        all.push_back(std::move(example));
    return all;
}

bool PathRules::needs_key() const {
    std::lock_guard lock(mutex_);
    return std::any_of(leases_.begin(), leases_.end(),
                       [](const auto &entry) { return !entry.second->publish_key.empty(); });
}

void PathRules::add_watch(const std::shared_ptr<PeerWatch> &watch) {
    std::lock_guard lock(mutex_);
    std::erase_if(watches_, [](const auto &each) { return each.expired(); });
    watches_.push_back(watch);
}

std::vector<std::shared_ptr<PeerWatch>> PathRules::watches() const {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<PeerWatch>> present;
    for (const auto &each : watches_)
        if (auto watch = each.lock()) present.push_back(std::move(watch));
    return present;
}

} // namespace penstock::net
