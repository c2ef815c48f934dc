// What stands in waveforms (FST) of the RTL:
//   waveform signals FILE      the path of each signal, with its range
//   waveform toggles FILE…     the path of each, and for each of its bits, the highest first, over all files:
//   + it
//                              rose and fell, / only rose, \ only fell, . neither
// Scripts compile it with the reader that Verilator brings.
#include <fstapi.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr unsigned char kRose = 1, kFell = 2;

struct Signal {
  std::string value;                   // the last one
  std::vector<unsigned char> toggled;  // kRose, kFell of each bit
};

struct Waveform {
  void* reader;
  std::map<std::string, fstHandle> signals;  // by path; several may be one
  std::vector<Signal> by_handle;
};

// "u_dma.req_line_o[31:0]": FST has a space before the range.
std::string without_spaces(const char* name) {
  std::string text;
  for (; *name != '\0'; ++name) {
    if (*name != ' ') text += *name;
  }
  return text;
}

bool open(const char* file, Waveform& w) {
  w.reader = fstReaderOpen(file);
  if (w.reader == nullptr) return false;
  std::vector<std::string> scopes;
  while (const fstHier* const entry = fstReaderIterateHier(w.reader)) {
    if (entry->htyp == FST_HT_SCOPE) scopes.push_back(without_spaces(entry->u.scope.name) + ".");
    if (entry->htyp == FST_HT_UPSCOPE) scopes.pop_back();
    if (entry->htyp != FST_HT_VAR) continue;
    std::string path;
    for (const std::string& scope : scopes) path += scope;
    w.signals[path + without_spaces(entry->u.var.name)] = entry->u.var.handle;
  }
  w.by_handle.assign(fstReaderGetMaxHandle(w.reader) + 1, {});
  return true;
}

void change(void* data, std::uint64_t, fstHandle handle, const unsigned char* value) {
  Signal& signal = static_cast<Waveform*>(data)->by_handle[handle];
  const char* const now = reinterpret_cast<const char*>(value);
  if (signal.toggled.empty()) {
    signal.value = now;
    signal.toggled.assign(signal.value.size(), 0);
  }
  for (std::size_t k = 0; k < signal.value.size(); ++k) {
    if (signal.value[k] == now[k]) continue;
    signal.toggled[k] |= now[k] == '1' ? kRose : kFell;
    signal.value[k] = now[k];
  }
}

int toggles(char** file, char** end) {
  std::map<std::string, std::vector<unsigned char>> all;
  for (; file != end; ++file) {
    Waveform w;
    if (!open(*file, w)) return std::fprintf(stderr, "%s: no waveform\n", *file), 2;
    fstReaderSetFacProcessMaskAll(w.reader);
    fstReaderIterBlocks(w.reader, change, &w, nullptr);
    fstReaderClose(w.reader);
    for (const auto& [path, handle] : w.signals) {
      const std::vector<unsigned char>& toggled = w.by_handle[handle].toggled;
      std::vector<unsigned char>& sum = all[path];
      if (sum.size() < toggled.size()) sum.resize(toggled.size());
      for (std::size_t k = 0; k < toggled.size(); ++k) sum[k] |= toggled[k];
    }
  }
  for (const auto& [path, bits] : all) {
    std::string text;
    for (const unsigned char bit : bits) text += "./\\+"[bit];
    std::printf("%s %s\n", path.c_str(), text.c_str());
  }
  return 0;
}

int signals(const char* file) {
  Waveform w;
  if (!open(file, w)) return std::fprintf(stderr, "%s: no waveform\n", file), 2;
  for (const auto& [path, handle] : w.signals) std::puts(path.c_str());
  fstReaderClose(w.reader);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 2 && std::strcmp(arguments[1], "toggles") == 0)
    return toggles(arguments + 2, arguments + count);
  if (count == 3 && std::strcmp(arguments[1], "signals") == 0) return signals(arguments[2]);
  std::fputs("waveform signals FILE | waveform toggles FILE...\n", stderr);
  return 2;
}
