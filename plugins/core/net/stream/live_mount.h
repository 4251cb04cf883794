// SPDX-License-Identifier: LGPL-2.1-or-later
// A mount whose viewers read packets from one ring, each over a connection of its own.
#pragma once

#include "core/net/loop/clock.h"
#include "core/net/stream/audience.h"
#include "core/net/stream/mount.h"
#include "core/net/stream/viewer.h"
#include "core/net/stream/viewer_totals.h"

#include <algorithm>

namespace penstock::net {

class LiveMount : public Mount {
public:
    LiveMount(MountKey key, std::shared_ptr<Loops> loops)
        : Mount(std::move(key)), loops_(std::move(loops)),
          audience_(std::make_shared<Audience>(loops_)) {}

    const std::shared_ptr<Loops> &loops() const { return loops_; }

    Audience &audience() { return *audience_; }
    const Audience &audience() const { return *audience_; }
    unsigned viewers() const override { return audience_->viewers; }
    ViewerTotals totals() const {
        return {audience_->viewers, audience_->viewers_total, audience_->bytes_out,
                audience_->skipped, audience_->closed_slow,   audience_->slow};
    }
    void close_viewers(const std::string &reason) override {
        audience_->for_each([reason](Viewer &viewer) { viewer.close(reason); });
    }
    std::chrono::nanoseconds end_viewers(std::chrono::nanoseconds linger,
                                         const std::string &reason) override {
        const uint64_t linger_ms =
            ms_of(static_cast<uint64_t>(std::max<int64_t>(linger.count(), 0)));
        audience_->for_each([linger_ms, reason](Viewer &viewer) { viewer.end(linger_ms, reason); });
        return {};
    }

private:
    const std::shared_ptr<Loops> loops_;
    const std::shared_ptr<Audience> audience_;
};

} // namespace penstock::net
