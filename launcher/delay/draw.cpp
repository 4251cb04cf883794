// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/draw.h"

#include "core/bytes/markup.h"
#include "delay/budget.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace penstock::delay {
namespace {

constexpr int64_t ms = 1'000'000;
constexpr const char *colours[] = {"#8b98a8", "#1f77b4", "#d0661b"};

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

class Svg {
public:
    Svg(double width, double height, const std::string &title) {
        text_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) +
                "\" height=\"" + number(height) + "\" viewBox=\"0 0 " + number(width) + " " +
                number(height) + "\" font-family=\"sans-serif\" font-size=\"12\">\n<title>" +
                escape_markup(title) +
                "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
        text(12, 20, title, "start", "#222", " font-size=\"14\" font-weight=\"bold\"");
    }
    void text(double x, double y, const std::string &what, const char *anchor = "start",
              const char *fill = "#444", const std::string &more = "") {
        text_ += "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor +
                 "\" fill=\"" + fill + "\"" + more + ">" + escape_markup(what) + "</text>\n";
    }
    void line(double x1, double y1, double x2, double y2, const char *stroke,
              const std::string &more = "") {
        text_ += "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) +
                 "\" y2=\"" + number(y2) + "\" stroke=\"" + stroke + "\"" + more + "/>\n";
    }
    void rectangle(double x, double y, double width, double height, const char *fill) {
        text_ += "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(width) +
                 "\" height=\"" + number(height) + "\" fill=\"" + fill + "\"/>\n";
    }
    void path(const std::string &points, const char *stroke) {
        text_ += "<polyline points=\"" + points + "\" fill=\"none\" stroke=\"" + stroke +
                 "\" stroke-width=\"1.2\"/>\n";
    }
    std::string finish() { return text_ + "</svg>\n"; }

private:
    std::string text_;
};

/// A round distance for about five grid lines.
double step_for(double range) {
    const double rough = range / 5, power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= rough) return factor * power;
    return 10 * power;
}

} // namespace

std::string draw_trace(const Measured &measured, const std::string &title) {
    constexpr double width = 800, height = 320, left = 64, right = 16, top = 36, bottom = 36;
    Svg svg(width, height, title);
    const auto &trace = measured.trace;
    if (trace.empty()) {
        svg.text(left, height / 2, "no picture was read");
        return svg.finish();
    }
    const double begin = double(trace.front().at) / 1e9, end = double(trace.back().at) / 1e9;
    const double duration = std::max(end - begin, 0.001);
    int64_t highest = 1;
    for (const Measured::Point &point : trace)
        highest = std::max(highest, point.latency);
    const double range = double(highest) / double(ms) * 1.05;
    const auto x = [&](double seconds) {
        return left + (seconds - begin) / duration * (width - left - right);
    };
    const auto y = [&](double milliseconds) {
        return height - bottom - milliseconds / range * (height - top - bottom);
    };
    const double step = step_for(range);
    for (double value = 0; value <= range; value += step) {
        svg.line(left, y(value), width - right, y(value), "#e3e6ea");
        svg.text(left - 6, y(value) + 4, in_words(int64_t(value * double(ms))), "end");
    }
    const double seconds = step_for(duration);
    for (double value = std::ceil(begin / seconds) * seconds; value <= end; value += seconds)
        svg.text(x(value), height - bottom + 18, in_words(int64_t(value * 1e9)), "middle");
    // If there are more points than pixels, draws the minimum and maximum per pixel.
    std::string points;
    const size_t pixels = size_t(width - left - right);
    const size_t each = std::max<size_t>(1, trace.size() / pixels);
    for (size_t i = 0; i < trace.size(); i += each) {
        const auto from = trace.begin() + ptrdiff_t(i);
        const auto to = trace.begin() + ptrdiff_t(std::min(i + each, trace.size()));
        const auto [low, high] = std::minmax_element(
            from, to, [](const auto &a, const auto &b) { return a.latency < b.latency; });
        for (const auto &point : {low, high}) {
            points += number(x(double(point->at) / 1e9)) + "," +
                      number(y(double(point->latency) / double(ms))) + " ";
            if (each == 1) break;
        }
    }
    svg.path(points, colours[1]);
    for (const auto &[share, name] : {std::pair{0.5, "median "}, {0.95, "95 % "}}) {
        const int64_t value = measured.glass.percentile(share);
        const double at = y(double(value) / double(ms));
        svg.line(left, at, width - right, at, colours[2], " stroke-dasharray=\"4 3\"");
        svg.text(width - right, at - 4, name + in_words(value), "end", colours[2]);
    }
    return svg.finish();
}

double log_share(int64_t value, int64_t longest) {
    const double from = std::log10(double(ms)), to = std::log10(double(std::max(longest, 2 * ms)));
    return std::clamp((std::log10(double(std::max(value, ms))) - from) / (to - from), 0.0, 1.0);
}

std::string draw_bars(const std::vector<std::string> &series, const std::vector<Bar> &bars,
                      const std::string &title) {
    constexpr double width = 800, left = 150, right = 90, top = 60, row = 16, gap = 12;
    int64_t longest = 100 * ms;
    for (const Bar &bar : bars)
        for (const auto &value : bar.values)
            if (value) longest = std::max({longest, value->p50, value->p95});
    const double each = double(series.size()) * row + gap;
    const double height = top + each * double(bars.size()) + 30;
    Svg svg(width, height, title);
    const double span = width - left - right;
    for (int64_t value = ms; value <= longest; value *= 10) {
        const double x = left + log_share(value, longest) * span;
        svg.line(x, top - 6, x, height - 26, "#e3e6ea");
        svg.text(x, height - 10, in_words(value), "middle");
    }
    for (size_t i = 0; i < series.size(); ++i) {
        const char *colour = colours[i % std::size(colours)];
        svg.rectangle(left + 130.0 * double(i), 32, 12, 12, colour);
        svg.text(left + 130.0 * double(i) + 18, 42, series[i]);
    }
    double y = top;
    for (const Bar &bar : bars) {
        svg.text(left - 8, y + (each - gap) / 2 + 4, bar.name, "end", "#222");
        for (size_t i = 0; i < bar.values.size(); ++i, y += row) {
            if (!bar.values[i]) continue;
            const auto &[p50, p95] = *bar.values[i];
            const double to = log_share(p50, longest) * span, tail = log_share(p95, longest) * span;
            const char *colour = colours[i % std::size(colours)];
            svg.rectangle(left, y, std::max(to, 1.0), row - 3, colour);
            svg.line(left + to, y + (row - 3) / 2, left + tail, y + (row - 3) / 2, colour,
                     " stroke-width=\"2\"");
            svg.text(left + tail + 6, y + 11, in_words(p50));
        }
        y += gap;
    }
    return svg.finish();
}

std::string text_bar(double share, size_t width) {
    constexpr const char *eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto filled = size_t(std::lround(std::clamp(share, 0.0, 1.0) * double(width) * 8));
    std::string out;
    for (size_t i = 0; i < filled / 8; ++i)
        out += "█";
    return out + eighths[filled % 8];
}

} // namespace penstock::delay
