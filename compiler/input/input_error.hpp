// What is wrong with the user's input: every finding names the place, what stands there and what
// was expected. Programs end with status 2 on it.
#pragma once
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace anzan::compiler {

struct InputFinding {
  std::string place;     // JSON pointer, or file, e.g. "/training/batch"
  std::string found;     // the value as JSON text, or a description
  std::string expected;  // what would have been right
};

class InputError : public std::runtime_error {
 public:
  explicit InputError(std::vector<InputFinding> findings)
      : std::runtime_error(describe(findings)), findings_(std::move(findings)) {}
  InputError(std::string place, std::string found, std::string expected)
      : InputError(std::vector<InputFinding>{{std::move(place), std::move(found), std::move(expected)}}) {}
  const std::vector<InputFinding>& findings() const { return findings_; }

 private:
  static std::string describe(const std::vector<InputFinding>& findings) {
    std::string text;
    for (const InputFinding& f : findings) {
      if (!text.empty()) text += '\n';
      text += f.place + ": found " + f.found + ", expected " + f.expected;
    }
    return text;
  }
  std::vector<InputFinding> findings_;
};

}  // namespace anzan::compiler
