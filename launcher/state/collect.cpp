// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state/collect.h"

#include "core/net/stream/mounts.h"
#include "protocols/table.h"
#include "state/frame_meter.h"
#include "supervisor/children.h"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

namespace penstock::state {
namespace {

bool has(GstElement *element, const char *property, GType type) {
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), property);
    return spec && (spec->flags & G_PARAM_READABLE) &&
           g_type_is_a(G_PARAM_SPEC_VALUE_TYPE(spec), type);
}

std::optional<double> number_of(const GValue *value) {
    GValue number = G_VALUE_INIT;
    g_value_init(&number, G_TYPE_DOUBLE);
    const bool is_number = !G_VALUE_HOLDS_STRING(value) && !G_VALUE_HOLDS_BOOLEAN(value) &&
                           g_value_transform(value, &number);
    return is_number ? std::optional(g_value_get_double(&number)) : std::nullopt;
}

std::shared_ptr<const GstStructure> stats_of(GstElement *element) {
    GstStructure *stats = nullptr;
    if (has(element, "stats", GST_TYPE_STRUCTURE)) g_object_get(element, "stats", &stats, nullptr);
    if (!stats) return nullptr;
    return {stats,
            [](const GstStructure *gone) { gst_structure_free(const_cast<GstStructure *>(gone)); }};
}

std::string factory_of(GstElement *element) {
    GstElementFactory *factory = gst_element_get_factory(element);
    return factory ? GST_OBJECT_NAME(factory) : "";
}

guint64 read_number(GstElement *element, const std::string &property) {
    if (!g_object_class_find_property(G_OBJECT_GET_CLASS(element), property.c_str())) return 0;
    GValue value = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(element), property.c_str(), &value);
    const auto number = number_of(&value);
    g_value_unset(&value);
    return number ? static_cast<guint64>(*number) : 0;
}

/// Adds the fill level of a stock queue.
void add_queue(GstElement *element, Pipeline &out) {
    double level = 0;
    bool bounded = false;
    for (const char *kind : {"buffers", "bytes", "time"}) {
        const guint64 most = read_number(element, std::string("max-size-") + kind);
        if (most == 0) continue;
        bounded = true;
        level = std::max(
            level, static_cast<double>(read_number(element, std::string("current-level-") + kind)) /
                       static_cast<double>(most));
    }
    if (bounded) out.queues.push_back({GST_OBJECT_NAME(element), std::min(level, 1.0)});
}

/// Adds the queues of a goptee, one per branch.
void add_branches(GstElement *element, const GstStructure *stats, Pipeline &out) {
    const GValue *branches = gst_structure_get_value(stats, "branches");
    if (!branches || !GST_VALUE_HOLDS_ARRAY(branches)) return;
    for (guint i = 0; i < gst_value_array_get_size(branches); ++i) {
        const GstStructure *branch =
            gst_value_get_structure(gst_value_array_get_value(branches, i));
        double level = 0;
        for (const char *kind : {"buffers", "bytes", "time"}) {
            guint64 queued = 0;
            gst_structure_get_uint64(branch, (std::string("queued-") + kind).c_str(), &queued);
            // The limits are the tee's own properties.
            const guint64 most = read_number(element, std::string("max-size-") + kind);
            if (most > 0)
                level = std::max(level, static_cast<double>(queued) / static_cast<double>(most));
        }
        const char *pad = gst_structure_get_string(branch, "pad");
        out.queues.push_back(
            {std::string(GST_OBJECT_NAME(element)) + "." + (pad ? pad : ""), std::min(level, 1.0)});
    }
}

/// Adds where the element sends to: a URL, or a list of host:port.
void add_destinations(GstElement *element, const protocols::ElementUse &use, Pipeline &out) {
    using protocols::Role;
    if ((use.role != Role::push && use.role != Role::send) || !use.property ||
        !has(element, use.property, G_TYPE_STRING))
        return;
    gchar *text = nullptr;
    g_object_get(element, use.property, &text, nullptr);
    const GOwned<> owner(text);
    std::istringstream all(text ? text : "");
    for (std::string each; std::getline(all, each, ',');)
        if (!each.empty()) out.sends_to.push_back(each);
}

void add_element(GstElement *element, bool is_inside, Pipeline &out) {
    const std::string factory = factory_of(element);
    const bool is_source = GST_OBJECT_FLAG_IS_SET(element, GST_ELEMENT_FLAG_SOURCE);
    const bool is_sink = GST_OBJECT_FLAG_IS_SET(element, GST_ELEMENT_FLAG_SINK);
    if (!is_inside && has(element, "current-level-buffers", G_TYPE_UINT)) add_queue(element, out);
    const auto known = protocols::find_element(factory);
    if (!is_inside && known && known.use->bytes_property)
        out.bytes_out += read_number(element, known.use->bytes_property);
    if (known) add_destinations(element, *known.use, out);
    auto stats = stats_of(element);
    if (!stats) return;
    Element found{GST_OBJECT_NAME(element), factory, std::move(stats), is_inside};
    if (is_inside) {
        out.elements.push_back(std::move(found));
        return;
    }
    const auto numbers = numbers_of(found);
    const auto read = [&](const char *field) {
        const auto number = numbers.find(field);
        return number == numbers.end() ? 0 : static_cast<uint64_t>(number->second);
    };
    if (is_source) out.bytes_in += std::max(read("bytes-out"), read("in-bytes-total"));
    if (is_sink) out.bytes_out += std::max(read("bytes-out"), read("out-bytes-total"));
    // A destination that is dead drops everything, and the stream nothing.
    if (!known || known.use->role != protocols::Role::push)
        out.drops += read("drops") + (is_sink ? read("dropped") : 0);
    if (known && known.use->role == protocols::Role::serve) {
        const auto viewers = static_cast<unsigned>(read("peers"));
        out.viewers += viewers;
        if (known.protocol->has_players) out.players += viewers;
    }
    add_branches(element, found.stats.get(), out);
    out.elements.push_back(std::move(found));
}

/// Descends into every bin. Elements in a bin that has `stats` are marked `is_inside`.
void add_children(GstElement *bin, bool is_inside, Pipeline &out) {
    for (const auto &child : supervisor::children_of(bin)) {
        add_element(child.get(), is_inside, out);
        if (GST_IS_BIN(child.get()))
            add_children(child.get(), is_inside || has(child.get(), "stats", GST_TYPE_STRUCTURE),
                         out);
    }
}

} // namespace

std::map<std::string, double> numbers_of(const Element &element) {
    std::map<std::string, double> out;
    gst_structure_foreach(
        element.stats.get(),
        [](GQuark field, const GValue *value, gpointer data) -> gboolean {
            if (const auto number = number_of(value))
                (*static_cast<decltype(out) *>(data))[g_quark_to_string(field)] = *number;
            return TRUE;
        },
        &out);
    return out;
}

uint64_t bytes_sent_elsewhere(GstElement *pipeline) {
    using protocols::Role;
    uint64_t out = 0;
    for (const auto &child : supervisor::children_of(pipeline)) {
        const auto known = protocols::find_element(factory_of(child.get()));
        if (!known || (known.use->role != Role::send && known.use->role != Role::push)) {
            if (!known && GST_IS_BIN(child.get())) out += bytes_sent_elsewhere(child.get());
            continue;
        }
        if (known.use->bytes_property) {
            out += read_number(child.get(), known.use->bytes_property);
        } else if (const auto stats = stats_of(child.get())) {
            const auto numbers = numbers_of({"", "", stats, false});
            for (const char *field : {"bytes-out", "out-bytes-total"})
                if (const auto found = numbers.find(field); found != numbers.end())
                    out += static_cast<uint64_t>(found->second);
        }
    }
    return out;
}

Pipeline collect(GstElement *pipeline) {
    Pipeline out;
    const GOwned<> state(g_ascii_strdown(gst_element_state_get_name(GST_STATE(pipeline)), -1));
    out.state = state.get();
    out.frames = count_frames(pipeline);
    add_children(pipeline, false, out);
    return out;
}

namespace {

Mount mount_of(net::MountInfo info, const protocols::Protocol &protocol) {
    Mount out;
    if (protocol.scheme_at)
        out.scheme = protocol.scheme_at(info.address);
    else if (!protocol.schemes.empty())
        out.scheme = protocol.schemes.front().name;
    // With a receiver, a stream is live while its publisher is connected.
    out.publishing = info.publishing && !info.pending;
    out.live = info.claimed ? out.publishing : info.live;
    out.is_deserted = info.claimed && !info.publishing;
    out.protocol = std::move(info.protocol);
    out.address = std::move(info.address);
    out.path = std::move(info.path);
    out.publisher = std::move(info.publisher);
    out.standby = std::move(info.standby);
    out.vacant_since = info.vacant_since;
    out.viewers = info.viewers;
    out.bytes_in = info.bytes_in;
    out.bytes_out = info.bytes_out;
    out.since = info.since;
    out.width = info.media.width;
    out.height = info.media.height;
    out.has_video = info.media.has_video;
    out.has_audio = info.media.has_audio;
    out.last_media = info.last_media;
    out.is_fed = info.live;
    out.content_type = std::move(info.media.content_type);
    return out;
}

std::string name_of(const Mount &mount) {
    const auto *protocol = protocols::find_protocol(mount.protocol);
    return protocol ? protocols::stream_name(*protocol, mount.path) : mount.path;
}

} // namespace

void count_slates(std::vector<Mount> &mounts, int64_t now) {
    std::map<std::string, int64_t> last_media;
    for (const Mount &mount : mounts)
        if (mount.is_fed) {
            int64_t &last = last_media[name_of(mount)];
            last = std::max(last, mount.last_media);
        }
    // Media that a publisher left in queues is mostly sent after `remains`; where it takes longer,
    // its last frame is soon `stale`, while a slate goes on. Both in ms.
    constexpr int64_t remains = 1000, stale = 2000;
    for (Mount &mount : mounts) {
        if (!mount.is_deserted || mount.vacant_since == 0) continue;
        const auto last = last_media.find(name_of(mount));
        if (last == last_media.end() || last->second <= mount.vacant_since + remains ||
            last->second < now - stale)
            continue;
        mount.is_deserted = false;
        mount.live = true;
    }
}

Mounts collect_mounts() {
    Mounts out;
    for (const auto &protocol : protocols::all()) {
        for (net::MountInfo &info : net::Mounts::instance().snapshot(protocol->name))
            out.mounts.push_back(mount_of(std::move(info), *protocol));
        if (protocol->publish_ports)
            for (Port &port : protocol->publish_ports())
                out.ports.push_back(std::move(port));
    }
    count_slates(out.mounts, g_get_real_time() / 1000);
    return out;
}

std::vector<Stream> streams_of(const std::vector<Mount> &mounts) {
    std::map<std::string, Stream> streams;
    std::set<std::string> deserted; // paths without publisher whose pipelines wait for one
    for (const Mount &mount : mounts) {
        const auto *protocol = protocols::find_protocol(mount.protocol);
        const std::string name = name_of(mount);
        Stream &stream = streams[name];
        if (stream.mounts.empty()) {
            stream.name = name;
            stream.url = mount.scheme + "://" + mount.address.to_string() + "/" + mount.path;
        }
        stream.mounts.push_back(&mount);
        stream.live |= mount.live;
        stream.viewers += mount.viewers;
        if (protocol && protocol->has_players) stream.players += mount.viewers;
        if (stream.publisher.empty()) stream.publisher = mount.publisher;
        if (stream.standby.empty()) stream.standby = mount.standby;
        if (mount.is_deserted) deserted.insert(name);
    }
    std::vector<Stream> out;
    for (auto &[name, stream] : streams) {
        stream.is_deserted = deserted.contains(name);
        stream.live &= !stream.is_deserted;
        out.push_back(std::move(stream));
    }
    return out;
}

Model collect(const supervisor::Supervisor &supervisor) {
    Model out;
    const gint64 now = g_get_monotonic_time();
    out.taken_at = now * 1000;
    for (const auto &binding : supervisor.bindings())
        out.descriptions.push_back(binding->description().name);
    supervisor.each_pipeline(
        [&](const description::Binding &binding, const supervisor::RunningPipeline &running) {
            if (!running.pipeline()) return;
            Pipeline one = collect(running.pipeline());
            one.label = running.label();
            one.description = binding.description().name;
            one.uptime = (now - running.since()) * 1000;
            out.pipelines.push_back(std::move(one));
        });
    out.on_listeners = collect_mounts();
    return out;
}

} // namespace penstock::state
