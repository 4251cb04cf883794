// SPDX-License-Identifier: LGPL-2.1-or-later
// latency --matrix: measures a test source over every protocol, for one table and one chart.
#include "cli/commands.h"
#include "cli/latency_report.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "delay/draw.h"
#include "delay/matrix.h"
#include "supervisor/main_loop.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

namespace penstock::cli {
namespace {

using delay::in_words;
using delay::Measured;
using delay::Route;
using delay::Setting;
using nlohmann::json;

constexpr guint look_every = 250;     // ms
constexpr int64_t second = 1'000'000; // µs
constexpr int64_t longest_wait = 40 * second;
constexpr size_t bar_width = 24;

/// A table cell.
struct Cell {
    std::optional<Measured> measured;
    std::string failure;
};
struct Row {
    Route route;
    std::vector<Cell> cells; ///< one per setting
};

class Matrix {
public:
    Matrix(const LatencyMatrixOptions &options, const bool &interrupted, GMainLoop *loop)
        : options_(options), interrupted_(interrupted), loop_(loop), settings_(delay::settings()) {}

    bool choose_routes();
    /// Returns false if interrupted.
    bool run();
    bool is_complete() const;

    void print_table() const;
    json to_json() const;
    std::string markdown() const;
    std::string svg() const;

private:
    Cell measure(const Route &route, const Setting &setting);
    void wait(delay::Run &run, Cell &cell);
    /// The difference of the median from that of the pipe with the same setting; nullopt if either
    /// is missing.
    std::optional<int64_t> added(const Row &row, size_t setting) const;
    std::string title() const;

    const LatencyMatrixOptions &options_;
    const bool &interrupted_;
    GMainLoop *const loop_;
    const std::vector<Setting> settings_;
    const delay::Run::Options run_;
    std::vector<Row> rows_;
};

bool same_word(const std::string &a, const std::string &b) {
    return g_ascii_strcasecmp(a.c_str(), b.c_str()) == 0;
}

bool Matrix::choose_routes() {
    std::vector<Route> all = delay::routes();
    std::string names;
    for (const Route &route : all)
        names += (names.empty() ? "" : ", ") + route.name;
    for (const std::string &wanted : options_.over)
        if (std::none_of(all.begin(), all.end(),
                         [&](const Route &r) { return same_word(r.name, wanted); })) {
            Output::get().error("nothing is measured over '" + wanted + "': say one of " + names);
            return false;
        }
    for (Route &route : all) {
        const bool is_wanted = options_.over.empty() ||
                               std::any_of(options_.over.begin(), options_.over.end(),
                                           [&](const auto &o) { return same_word(route.name, o); });
        if (is_wanted) rows_.push_back({std::move(route), {}});
    }
    return true;
}

void Matrix::wait(delay::Run &run, Cell &cell) {
    struct Waiting {
        Matrix *matrix;
        delay::Run *run;
        int64_t started, duration;
        std::string failure;
    } waiting{this, &run, g_get_monotonic_time(),
              static_cast<int64_t>(options_.seconds * double(second)) + run_.warm_up / 1000, ""};
    const guint ticker = g_timeout_add(
        look_every,
        [](gpointer data) -> gboolean {
            auto *w = static_cast<Waiting *>(data);
            const int64_t now = g_get_monotonic_time(), first = w->run->first_picture();
            w->failure = w->run->failure();
            if (w->failure.empty() && !first && now >= w->started + longest_wait)
                w->failure = "no picture came within 40 s";
            const bool is_done = first && now >= first + w->duration;
            if (is_done || !w->failure.empty() || w->matrix->interrupted_)
                g_main_loop_quit(w->matrix->loop_);
            return G_SOURCE_CONTINUE;
        },
        &waiting);
    g_main_loop_run(loop_);
    g_source_remove(ticker);
    cell.failure = waiting.failure;
}

Cell Matrix::measure(const Route &route, const Setting &setting) {
    Cell cell;
    delay::Run run(route, setting, run_);
    if (!run.start(&cell.failure)) return cell;
    wait(run, cell);
    Measured measured = run.measured();
    if (measured.has_pictures())
        cell.measured = std::move(measured);
    else if (cell.failure.empty())
        cell.failure = "no stamp could be read";
    return cell;
}

bool Matrix::run() {
    for (size_t i = 0; i < settings_.size(); ++i)
        for (Row &row : rows_) {
            Output::get().status(row.route.name + ", " + settings_[i].name);
            row.cells.push_back(measure(row.route, settings_[i]));
            if (interrupted_) return false;
        }
    Output::get().status("");
    return true;
}

bool Matrix::is_complete() const {
    return std::all_of(rows_.begin(), rows_.end(), [](const Row &row) {
        return std::all_of(row.cells.begin(), row.cells.end(),
                           [](const Cell &cell) { return cell.measured && cell.failure.empty(); });
    });
}

int64_t median(const Measured &measured) {
    return measured.glass.percentile(0.5);
}

std::optional<int64_t> Matrix::added(const Row &row, size_t setting) const {
    const Row &floor = rows_.front();
    if (floor.route.protocol != &delay::direct() || &row == &floor) return std::nullopt;
    const auto &a = row.cells[setting].measured, &b = floor.cells[setting].measured;
    if (!a || !b) return std::nullopt;
    return median(*a) - median(*b);
}

std::string Matrix::title() const {
    return "Median latency from source to decoder, " + std::to_string(run_.width) + "x" +
           std::to_string(run_.height) + " at " + std::to_string(run_.fps) +
           " fps, on the loopback interface";
}

void Matrix::print_table() const {
    Output &output = Output::get();
    output.print(output.bold(title()));
    int64_t longest = 0;
    size_t names = 0;
    for (const Row &row : rows_) {
        names = std::max(names, width_of(row.route.name));
        for (const Cell &cell : row.cells)
            if (cell.measured) longest = std::max(longest, median(*cell.measured));
    }
    for (const Row &row : rows_)
        for (size_t i = 0; i < row.cells.size(); ++i) {
            const Cell &cell = row.cells[i];
            std::string text =
                "  " + pad(i == 0 ? row.route.name : "", names) + "  " + pad(settings_[i].name, 8);
            if (cell.measured) {
                const auto over = added(row, i);
                text +=
                    pad(in_words(median(*cell.measured)), 9) +
                    pad("95 %: " + in_words(cell.measured->glass.percentile(0.95)), 16) +
                    pad(over ? (*over < 0 ? "−" : "+") + in_words(std::abs(*over)) : "", 10) +
                    delay::text_bar(delay::log_share(median(*cell.measured), longest), bar_width);
                if (!cell.failure.empty()) text += "  " + output.yellow(cell.failure);
            } else {
                text += output.red(cell.failure);
            }
            output.print(text);
        }
    output.print(output.dim("  + is what is added to the pipe; bars are logarithmic"));
}

json Matrix::to_json() const {
    json routes = json::array();
    for (const Row &row : rows_)
        for (size_t i = 0; i < row.cells.size(); ++i) {
            const Cell &cell = row.cells[i];
            json one =
                cell.measured ? cli::to_json(*row.route.protocol, *cell.measured) : json::object();
            one["route"] = row.route.name;
            one["setting"] = settings_[i].name;
            const auto over = added(row, i);
            one["added_ms"] = over ? json(double(*over) / 1e6) : json(nullptr);
            one["error"] = cell.failure.empty() ? json(nullptr) : json(cell.failure);
            routes.push_back(std::move(one));
        }
    json settings = json::object();
    for (const Setting &setting : settings_)
        settings[setting.name] = {{"encoder", setting.encoder},
                                  {"segment_ms", double(setting.segment) / 1e6},
                                  {"srt_latency_ms", setting.srt},
                                  {"sync", setting.sync}};
    return {{"title", title()},
            {"width", run_.width},
            {"height", run_.height},
            {"fps", run_.fps},
            {"seconds", options_.seconds},
            {"settings", std::move(settings)},
            {"routes", std::move(routes)}};
}

std::string Matrix::markdown() const {
    std::ostringstream out;
    out << title() << "; milliseconds.\n\n|";
    std::string rule = "|---|";
    for (const Setting &setting : settings_) {
        out << " | " << setting.name << ": median | 95 % | over the pipe";
        rule += "---:|---:|---:|";
    }
    out << " |\n" << rule << "\n";
    const auto number = [](int64_t nanoseconds) {
        char text[32];
        // Adding zero turns -0 into 0.
        std::snprintf(text, sizeof text, "%.1f", std::round(double(nanoseconds) / 1e5) / 10 + 0.0);
        return std::string(text);
    };
    for (const Row &row : rows_) {
        out << "| " << row.route.name;
        for (size_t i = 0; i < row.cells.size(); ++i) {
            const auto &measured = row.cells[i].measured;
            const auto over = added(row, i);
            out << " | " << (measured ? number(median(*measured)) : "failed") << " | "
                << (measured ? number(measured->glass.percentile(0.95)) : "") << " | "
                << (over ? number(*over) : "");
        }
        out << " |\n";
    }
    return out.str();
}

std::string Matrix::svg() const {
    std::vector<std::string> series;
    for (const Setting &setting : settings_)
        series.push_back(setting.name);
    std::vector<delay::Bar> bars;
    for (const Row &row : rows_) {
        delay::Bar bar{row.route.name, {}};
        for (const Cell &cell : row.cells) {
            std::optional<delay::Bar::Value> value;
            if (cell.measured)
                value = {median(*cell.measured), cell.measured->glass.percentile(0.95)};
            bar.values.push_back(value);
        }
        bars.push_back(std::move(bar));
    }
    return delay::draw_bars(series, bars, title());
}

constexpr const char *begin_mark = "<!-- penstock latency --matrix -->\n";
constexpr const char *end_mark = "<!-- end -->\n";

/// The file's content with its table replaced; only the table if the file has none.
std::string in_place(const std::string &file, const std::string &table) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    const std::string old = text.str();
    const size_t begin = old.find(begin_mark), end = old.find(end_mark);
    const std::string marked = begin_mark + table + end_mark;
    if (begin == std::string::npos || end == std::string::npos || end < begin) return marked;
    return old.substr(0, begin) + marked + old.substr(end + std::string(end_mark).size());
}

} // namespace

int latency_matrix(const LatencyMatrixOptions &options) {
    const supervisor::MainLoop loop(g_main_loop_new(nullptr, FALSE));
    bool interrupted = false;
    SignalThread signals;
    signals.start({.stop = [&] {
        interrupted = true;
        signals.finish(exit_failed);
        g_main_loop_quit(loop.get());
    }});
    Matrix matrix(options, interrupted, loop.get());
    if (!matrix.choose_routes()) return exit_usage;
    if (!matrix.run()) return exit_failed;
    if (options.json)
        Output::get().print(matrix.to_json().dump(2, ' ', false, json::error_handler_t::replace));
    else
        matrix.print_table();
    if (!options.plot.empty() && !write_file(options.plot, matrix.svg())) return exit_failed;
    if (!options.markdown.empty() &&
        !write_file(options.markdown, in_place(options.markdown, matrix.markdown())))
        return exit_failed;
    return matrix.is_complete() ? exit_ok : exit_failed;
}

} // namespace penstock::cli
