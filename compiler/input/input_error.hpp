// What is wrong with the user's input: every finding names the place, what stands there and what
// was expected. Programs end with status 2 on it.
#pragma once
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace anzan::compiler {

struct InputFinding {
  std::string place;     // JSON pointer, or file, e.g. "/training/batch"
  std::string found;     // the value as JSON text, or a description
  std::string expected;  // what would have been right
  std::string name =
      {};  // of what stands at the place, e.g. "layer conv1"; empty where the place says it all
};

// Text as a terminal may show it: control characters and what is no UTF-8 are escaped.
std::string printable(const std::string& text);

// The first characters of UTF-8 text that take at most so many bytes.
std::string beginning(const std::string& text, std::size_t bytes);

// A finding in a line: printable, place and value cut in the middle where they are long; an empty value is
// "nothing", an empty place two quotes.
std::string sentence(const InputFinding& finding);

class InputError : public std::runtime_error {
 public:
  explicit InputError(std::vector<InputFinding> findings)
      : std::runtime_error(describe(findings)), findings_(std::move(findings)) {}
  InputError(std::string place, std::string found, std::string expected)
      : InputError(std::vector<InputFinding>{{std::move(place), std::move(found), std::move(expected)}}) {}
  // what() has a line for each of them, up to 1,000, and then says how many more there are.
  const std::vector<InputFinding>& findings() const { return findings_; }

 private:
  static std::string describe(const std::vector<InputFinding>& findings);
  std::vector<InputFinding> findings_;
};

}  // namespace anzan::compiler
