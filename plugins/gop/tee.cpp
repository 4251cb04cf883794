// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gop/tee.h"

#include "gst/guard.h"

#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN(penstock_gop_tee_debug);
#define GST_CAT_DEFAULT penstock_gop_tee_debug

namespace penstock::gop {
namespace {

// Maximum number of consecutive HEADER buffers kept for the following keyframe.
constexpr size_t most_pending = 64;

bool is_flv(const GstCaps *caps) {
    return caps && gst_caps_get_size(caps) > 0 &&
           gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/x-flv");
}

// Parsers flag any frame with parameter sets or SEI as HEADER. Where each buffer is a whole frame,
// there are no separate headers.
bool has_whole_frames(const GstCaps *caps) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const char *alignment = gst_structure_get_string(s, "alignment");
    gboolean parsed = FALSE;
    gst_structure_get_boolean(s, "parsed", &parsed);
    return alignment ? !g_str_equal(alignment, "nal") && !g_str_equal(alignment, "obu") : parsed;
}

} // namespace

Tee::Tee(GstElement *element, GstPad *sink) : element_(element), sink_(sink) {
}

Settings Tee::settings() const {
    std::lock_guard lock(lock_);
    return settings_;
}

void Tee::set_settings(const Settings &settings) {
    std::lock_guard lock(lock_);
    settings_ = settings;
    history_.set_limits(settings.cache);
}

std::shared_ptr<const Tee::Branches> Tee::branches() const {
    std::lock_guard lock(lock_);
    return branches_;
}

void Tee::decide(const Branches &branches) {
    for (const auto &branch : branches)
        branch->decide();
}

uint64_t Tee::time_of(GstBuffer *buffer) {
    const GstClockTime time = GST_BUFFER_DTS_OR_PTS(buffer);
    if (GST_CLOCK_TIME_IS_VALID(time)) last_time_ = time;
    return last_time_;
}

GstFlowReturn Tee::chain(GstPtr<GstBuffer> buffer) {
    totals_->in(gst_buffer_get_size(buffer.get()));
    // Otherwise the cache would exhaust the buffer pool of an encoder or camera.
    if (buffer->pool) buffer = GstPtr<GstBuffer>::adopt(gst_buffer_copy_deep(buffer.get()));

    units_.clear();
    deliveries_.clear(); // of a call that an exception ended: their branches may be gone
    if (flv_) {
        const Result result = flv_input_.push(buffer.get(), units_);
        if (result.is_error()) {
            ++totals_->drops;
            // Posted once: a permanently broken stream would flood the bus.
            if (!std::exchange(told_bad_flv_, true))
                GST_ELEMENT_WARNING(element_, STREAM, DECODE,
                                    ("This is not a good FLV stream: %s. Its bytes are dropped up "
                                     "to the next whole tag.",
                                     result.reason().c_str()),
                                    (nullptr));
            else
                GST_DEBUG_OBJECT(element_, "bad FLV: %s", result.reason().c_str());
        }
    } else {
        Unit unit;
        unit.header =
            !whole_frames_ && GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
        unit.key =
            !unit.header && !GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
        unit.buffer = std::move(buffer);
        units_.push_back(std::move(unit));
    }

    std::unique_lock lock(lock_);
    const std::shared_ptr<const Branches> branches = branches_;
    if (std::any_of(branches->begin(), branches->end(),
                    [](const auto &branch) { return branch->is_undecided(); })) {
        lock.unlock();
        decide(*branches);
        lock.lock();
    }
    for (const Unit &unit : units_)
        deliver(unit, *branches);
    lock.unlock();
    units_.clear();
    push_direct();
    return combined_flow(*branches);
}

// Called with lock_ held.
void Tee::deliver(const Unit &unit, const Branches &branches) {
    if (unit.ends_gop) history_.clear();
    lead_.clear();
    cache_locked(unit);
    const bool can_join = !unit.header && history_.oldest_join();
    const uint64_t time = time_of(unit.buffer.get());
    for (const auto &branch : branches) {
        switch (branch->state()) {
        case Branch::State::idle:
            if (can_join && branch->can_begin()) begin_locked(*branch, true);
            break;
        case Branch::State::running: {
            Item item = Item::of(unit.buffer.get(), time);
            item.key = unit.key;
            item.header = unit.header;
            item.slot = unit.slot;
            if (unit.key && branch->is_skipping())
                give_locked(*branch, std::move(item), lead_locked(unit.buffer.get()));
            else
                give_locked(*branch, std::move(item));
            break;
        }
        case Branch::State::eos:
        case Branch::State::failed:
            break;
        }
    }
}

void Tee::cache_locked(const Unit &unit) {
    const auto push = [this](const GstPtr<GstBuffer> &buffer, bool joinable, bool key,
                             bool header = false) {
        history_.push({buffer, key, header}, gst_buffer_get_size(buffer.get()),
                      time_of(buffer.get()), joinable);
    };
    if (unit.header) {
        // FLV configuration is stored separately; other headers belong to the following keyframe.
        if (flv_) return;
        pending_.push_back(unit.buffer);
        if (pending_.size() <= most_pending) return;
        push(pending_.front(), false, false, true);
        pending_.erase(pending_.begin());
        return;
    }
    bool join = unit.key;
    for (const auto &header : pending_)
        push(header, std::exchange(join, false), false, true);
    if (unit.key) lead_ = pending_;
    pending_.clear();
    push(unit.buffer, join, unit.key);
}

// The configuration that a branch needs after it dropped everything up to this keyframe.
std::vector<Item> Tee::lead_locked(GstBuffer *next) const {
    std::vector<Item> items;
    if (flv_) {
        for (const Unit &unit : flv_input_.headers(next, false)) {
            items.push_back(Item::of(unit.buffer.get(), GST_BUFFER_DTS_OR_PTS(next)));
            items.back().slot = unit.slot;
        }
    }
    for (const auto &buffer : lead_) {
        items.push_back(Item::of(buffer.get(), last_time_));
        items.back().header = true;
    }
    for (Item &item : items)
        item.burst = true;
    return items;
}

void Tee::give_locked(Branch &branch, Item item, const std::vector<Item> &lead) {
    if (branch.is_direct())
        deliveries_.push_back({&branch, std::move(item)});
    else
        branch.enqueue(std::move(item), settings_.queue, lead);
}

// Gives a branch the sticky events, the stream's headers and the cached GOPs; the first buffer has
// DISCONT.
void Tee::begin_locked(Branch &branch, bool with_gop) {
    branch.begin();
    for (const auto &event : sticky_)
        give_locked(branch, Item::of(event.get()));
    const auto join = history_.oldest_join();
    if (!with_gop || !join) return;

    bool first = true;
    uint64_t time = 0;
    const auto give = [&](GstBuffer *buffer, bool key, uint16_t slot, bool header) {
        if (GST_CLOCK_TIME_IS_VALID(GST_BUFFER_DTS_OR_PTS(buffer)))
            time = GST_BUFFER_DTS_OR_PTS(buffer);
        Item item = Item::of(buffer, time);
        item.key = key;
        item.header = header;
        item.slot = slot;
        item.burst = true;
        item.discont = std::exchange(first, false);
        give_locked(branch, std::move(item));
    };
    GstBuffer *oldest = history_.at(*join).buffer.get();
    if (flv_) {
        for (const Unit &unit : flv_input_.headers(oldest, true))
            give(unit.buffer.get(), false, unit.slot, true);
    } else if (!GST_BUFFER_FLAG_IS_SET(oldest, GST_BUFFER_FLAG_HEADER)) {
        for (const auto &buffer : stream_headers_)
            give(buffer.get(), false, 0, true);
    }
    for (uint64_t i = *join; i < history_.end(); ++i) {
        const Cached &cached = history_.at(i);
        give(cached.buffer.get(), cached.key, 0, cached.header);
    }
}

void Tee::push_direct() {
    for (Delivery &delivery : deliveries_)
        delivery.branch->push_direct(std::move(delivery.item));
    deliveries_.clear();
}

GstFlowReturn Tee::combined_flow(const Branches &branches) const {
    // Another pipeline may read it while there is a channel.
    if (branches.empty() || offers_) return GST_FLOW_OK;
    const bool all_eos = std::all_of(branches.begin(), branches.end(), [](const auto &branch) {
        return branch->state() == Branch::State::eos;
    });
    return all_eos ? GST_FLOW_EOS : GST_FLOW_OK;
}

void Tee::on_failed(Branch &branch, GstFlowReturn flow) {
    if (branch.is_remote()) {
        GST_INFO_OBJECT(element_, "a reader of channel %s failed: %s", channel().c_str(),
                        gst_flow_get_name(flow));
        return;
    }
    GST_WARNING_OBJECT(element_, "branch %s failed (%s) and gets nothing more; the others go on",
                       branch.name().c_str(), gst_flow_get_name(flow));
    gst_element_post_message(
        element_,
        gst_message_new_element(GST_OBJECT(element_),
                                gst_structure_new("penstock-branch-failed", "pad", G_TYPE_STRING,
                                                  branch.name().c_str(), "flow", G_TYPE_STRING,
                                                  gst_flow_get_name(flow), nullptr)));
}

void Tee::set_caps(const GstCaps *caps) {
    if (caps_ && gst_caps_is_equal(caps_.get(), caps)) return;
    caps_ = GstPtr<GstCaps>::ref(const_cast<GstCaps *>(caps));
    // Changed metadata alone leaves cached frames valid.
    if (flv_ && is_flv(caps) && flv_input_.has_codecs_of(caps)) return flv_input_.learn(caps);
    flv_ = is_flv(caps);
    whole_frames_ = has_whole_frames(caps);
    flv_input_.reset();
    told_bad_flv_ = false;
    stream_headers_.clear();
    pending_.clear();
    if (flv_) {
        flv_input_.learn(caps);
    } else if (const GValue *headers =
                   gst_structure_get_value(gst_caps_get_structure(caps, 0), "streamheader");
               headers && GST_VALUE_HOLDS_ARRAY(headers)) {
        for (guint i = 0; i < gst_value_array_get_size(headers); ++i) {
            const GValue *value = gst_value_array_get_value(headers, i);
            if (!GST_VALUE_HOLDS_BUFFER(value) || !gst_value_get_buffer(value)) continue;
            auto copy = GstPtr<GstBuffer>::adopt(gst_buffer_copy(gst_value_get_buffer(value)));
            GST_BUFFER_FLAG_SET(copy.get(), GST_BUFFER_FLAG_HEADER);
            stream_headers_.push_back(std::move(copy));
        }
    }
    std::lock_guard lock(lock_);
    history_.clear();
}

void Tee::forget_stream() {
    flv_input_.reset();
    flv_ = told_bad_flv_ = false;
    caps_.reset();
    stream_headers_.clear();
    pending_.clear();
    lead_.clear();
    units_.clear();
    deliveries_.clear();
    last_time_ = 0;
    std::lock_guard lock(lock_);
    history_.clear();
    sticky_.clear();
    last_seek_ = 0;
}

bool Tee::start(std::string *error) {
    {
        std::lock_guard lock(lock_);
        totals_->since = g_get_monotonic_time();
    }
    return offer(error);
}

void Tee::begin_stop() {
    offers_ = false;
    offer_.reset(); // notifies the readers
    const std::shared_ptr<const Branches> held = branches();
    for (const auto &branch : *held)
        branch->flush_start();
}

void Tee::stop() {
    const std::shared_ptr<const Branches> held = branches();
    for (const auto &branch : *held) {
        if (branch->is_remote()) {
            detach(branch);
            continue;
        }
        branch->stop(true);
        branch->reset();
    }
    forget_stream();
    std::lock_guard lock(lock_);
    totals_->stop();
}

GstPtr<GstStructure> Tee::stats() const {
    const std::shared_ptr<const Branches> held = branches();
    guint peers = 0;
    GValue list = G_VALUE_INIT;
    g_value_init(&list, GST_TYPE_ARRAY);
    for (const auto &branch : *held) {
        peers += gst_pad_is_linked(branch->pad());
        GValue value = G_VALUE_INIT;
        g_value_init(&value, GST_TYPE_STRUCTURE);
        gst_value_set_structure(&value, branch->stats().get());
        gst_value_array_append_and_take_value(&list, &value);
    }
    auto stats = totals_->with_peers(peers).to_structure();
    std::lock_guard lock(lock_);
    gst_structure_set(stats.get(), "skips", G_TYPE_UINT64, totals_->skips.load(), "failed-branches",
                      G_TYPE_UINT64, totals_->failed.load(), "cached-gops", G_TYPE_UINT,
                      history_.gops(), "cached-bytes", G_TYPE_UINT64, guint64(history_.bytes()),
                      "cached-buffers", G_TYPE_UINT64, guint64(history_.size()), nullptr);
    gst_structure_take_value(stats.get(), "branches", &list);
    return stats;
}

} // namespace penstock::gop
