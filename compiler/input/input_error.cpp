// Findings as lines, whatever stands in them.
#include "compiler/input/input_error.hpp"

#include <algorithm>
#include <cstddef>

namespace anzan::compiler {
namespace {

constexpr std::size_t kMostFindings = 1000;
constexpr std::size_t kMostBytes = 300;  // of a place or a value

// Bytes of the UTF-8 character that begins here; 0 if none does, or one that controls terminals. Neither
// halves of surrogate pairs nor longer forms than needed are characters.
std::size_t character_at(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[at + k]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return lead < 0x20 || lead == 0x7f ? 0 : 1;
  const std::size_t size = lead >= 0xf0 && lead < 0xf5   ? 4
                           : lead >= 0xe0 && lead < 0xf0 ? 3
                           : lead >= 0xc2 && lead < 0xe0 ? 2
                                                         : 0;
  if (size == 0 || at + size > text.size()) return 0;
  for (std::size_t k = 1; k < size; ++k) {
    if ((byte(k) & 0xc0U) != 0x80) return 0;
  }
  const bool longer = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool beyond = (lead == 0xed && byte(1) >= 0xa0) || (lead == 0xf4 && byte(1) >= 0x90);
  const bool control = lead == 0xc2 && byte(1) < 0xa0;
  const bool turns = lead == 0xe2 && ((byte(1) == 0x80 && byte(2) >= 0xaa && byte(2) <= 0xae) ||
                                      (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9));
  return longer || beyond || control || turns ? 0 : size;
}

bool inside_character(const std::string& text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80;
}

// Both ends, where it is long.
std::string cut(const std::string& text) {
  if (text.size() <= kMostBytes) return text;
  std::size_t tail = text.size() - kMostBytes / 3;
  while (inside_character(text, tail)) ++tail;
  return beginning(text, kMostBytes * 2 / 3) + " … " + text.substr(tail);
}

}  // namespace

std::string printable(const std::string& text) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_at(text, at);
    if (size > 0) {
      result.append(text, at, size);
    } else {
      const auto byte = static_cast<unsigned char>(text[at]);
      result +=
          byte == '\n' ? std::string("\\n") : std::string("\\x") + kDigits[byte >> 4U] + kDigits[byte & 15U];
    }
    at += std::max<std::size_t>(size, 1);
  }
  return result;
}

std::string beginning(const std::string& text, std::size_t bytes) {
  while (bytes > 0 && inside_character(text, bytes)) --bytes;
  return text.substr(0, bytes);
}

std::string sentence(const InputFinding& finding) {
  const std::string name = finding.name.empty() ? "" : " (" + printable(cut(finding.name)) + ")";
  const std::string place = finding.place.empty() ? "\"\"" : printable(cut(finding.place)),
                    found = finding.found.empty() ? "nothing" : printable(cut(finding.found));
  return place + name + ": found " + found + ", expected " + printable(finding.expected);
}

std::string InputError::describe(const std::vector<InputFinding>& findings) {
  std::string text;
  for (std::size_t i = 0; i < std::min(findings.size(), kMostFindings); ++i)
    text += (i == 0 ? "" : "\n") + sentence(findings[i]);
  if (findings.size() > kMostFindings)
    text += "\nand " + std::to_string(findings.size() - kMostFindings) + " more findings";
  return text;
}

}  // namespace anzan::compiler
