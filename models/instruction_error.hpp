// An instruction asks for what it may not: names the field, what stands there and what was expected.
// Whoever knows the program turns it into an isa::ProgramError.
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace anzan::models {

class InstructionError : public std::runtime_error {
 public:
  InstructionError(std::string field, std::string found, std::string expected)
      : std::runtime_error(field + ": found " + found + ", expected " + expected),
        field_(std::move(field)),
        found_(std::move(found)),
        expected_(std::move(expected)) {}
  const std::string& field() const { return field_; }
  const std::string& found() const { return found_; }
  const std::string& expected() const { return expected_; }

 private:
  std::string field_, found_, expected_;
};

}  // namespace anzan::models
