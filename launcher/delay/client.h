// SPDX-License-Identifier: LGPL-2.1-or-later
// Receives and decodes a stream, and reads the latency stamps of its frames and hops.
#pragma once

#include "delay/measured.h"
#include "delay/protocols.h"
#include "delay/reason.h"
#include "gst/ptr.h"

#include <memory>
#include <string>

namespace penstock::delay {

class Tally;

/// Used on the main loop's thread.
class Client {
public:
    struct Options {
        std::string url;
        /// Samples are ignored until this time after the first frame.
        int64_t warm_up = 0; ///< ns
        /// Reconnect until the first frame arrives; the server may start later.
        bool tries_again = false;
        int64_t clock_offset = 0; ///< ns by which this machine's clock is ahead
        /// PEM file of the authorities for sources that do not go by trust() of reason.h; empty:
        /// those of the system
        std::string tls_ca{};
    };
    Client(const Protocol &protocol, Options options);
    ~Client();
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    /// Returns false and sets the reason if this machine lacks an element.
    bool start(std::string *error);
    /// Stops the pipeline on another thread, since an element may hang.
    void stop();

    /// Time of the first frame; monotonic, µs; 0: none yet.
    int64_t first_picture() const;
    bool is_over() const { return is_over_; } ///< it ended, or failed
    const std::string &failure() const { return failure_.message; }
    /// The failure with GStreamer's debug detail.
    const Failure &whole_failure() const { return failure_; }
    Measured measured() const;

private:
    struct OnPlace;
    using SharedTally = std::shared_ptr<Tally>;

    bool make_pipeline(std::string *error);
    void handle(GstMessage *message);
    void try_again();
    static void on_pad(GstElement *demuxer, GstPad *pad, gpointer tally);
    static bool build_branch(GstElement *pipeline, GstPad *pad, const SharedTally &tally);
    static GstPadProbeReturn on_encoded(GstPad *pad, GstPadProbeInfo *info, gpointer tally);
    static GstPadProbeReturn on_place(GstPad *pad, GstPadProbeInfo *info, gpointer place);
    static GstPadProbeReturn on_playlist(GstPad *pad, GstPadProbeInfo *info, gpointer tally);
    static GstPadProbeReturn on_paced(GstPad *pad, GstPadProbeInfo *info, gpointer sync);

    const Protocol &protocol_;
    const Options options_;
    GstPtr<GstElement> pipeline_;
    guint watch_ = 0, retry_ = 0;
    SharedTally tally_;
    bool is_over_ = false;
    Failure failure_;
};

} // namespace penstock::delay
