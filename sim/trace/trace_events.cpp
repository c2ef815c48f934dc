// Each event is appended as a line of text; times are written from integers, so no digit is lost.
#include "sim/trace/trace_events.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace anzan::sim {
namespace {

std::string microseconds(std::int64_t femtoseconds) {
  std::string text = fmt::format("{}.{:09}", femtoseconds / 1'000'000'000, femtoseconds % 1'000'000'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

TraceEvents::TraceEvents(const std::string& about)
    : text_(fmt::format(R"({{"displayTimeUnit":"ns","otherData":{{{}}},"traceEvents":[)", about)) {}

void TraceEvents::event(const char* phase, const Track& track, std::int64_t time_fs,
                        const std::string& rest) {
  text_ += fmt::format(
      "\n"
      R"({{"ph":"{}","pid":{},"tid":{},"ts":{},{}}},)",
      phase, track.process, track.number, microseconds(time_fs), rest);
}

void TraceEvents::slice(const Track& track, std::int64_t begin_fs, std::int64_t end_fs,
                        const std::string& rest) {
  event("X", track, begin_fs, fmt::format(R"("dur":{},{})", microseconds(end_fs - begin_fs), rest));
}

void TraceEvents::metadata(const char* what, const Track& track, const std::string& args) {
  text_ += fmt::format(
      "\n"
      R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{{}}}}},)",
      track.process, track.number, what, args);
}

void TraceEvents::name_process(int process, const std::string& name) {
  metadata("process_name", {process, 0}, fmt::format(R"("name":{})", json_string(name)));
  metadata("process_sort_index", {process, 0}, fmt::format(R"("sort_index":{})", process));
}

void TraceEvents::name_track(const Track& track, const std::string& name) {
  metadata("thread_name", track, fmt::format(R"("name":{})", json_string(name)));
  metadata("thread_sort_index", track, fmt::format(R"("sort_index":{})", track.number));
}

std::string TraceEvents::text() && {
  if (text_.back() == ',') text_.back() = '\n';
  return std::move(text_) + "]}\n";
}

}  // namespace anzan::sim
