// Chrome trace events (JSON object format) as text: processes, their tracks, and what stands on these. Times
// are exact: femtoseconds, written as decimals of a microsecond.
#pragma once
#include <cstdint>
#include <string>

namespace anzan::sim {

class TraceEvents {
 public:
  struct Track {
    int process = 0;  // from 1: viewers take process 0 for the idle one
    int number = 0;
  };

  // `about`: members of the object "otherData", as JSON.
  explicit TraceEvents(const std::string& about);

  void name_process(int process, const std::string& name);  // viewers show them in the order of their numbers
  void name_track(const Track& track, const std::string& name);

  // `rest`: further members, as JSON; at least one.
  void event(const char* phase, const Track& track, std::int64_t time_fs, const std::string& rest);
  void slice(const Track& track, std::int64_t begin_fs, std::int64_t end_fs, const std::string& rest);

  std::string text() &&;  // of all

 private:
  void metadata(const char* what, const Track& track, const std::string& args);

  std::string text_;
};

// JSON text of a string; bytes that are no UTF-8 become U+FFFD.
std::string json_string(const std::string& text);

}  // namespace anzan::sim
