// Constraints and figures as text: arithmetic, functions and comparisons over named numbers, by muParser.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace anzan::sim {

// What expressions may name. A variable that is a text stands for one of `texts`, by its number there, and
// may only be compared with another text, by == and !=.
struct Variable {
  std::string name;
  bool is_text = false;
};
struct Vocabulary {
  std::vector<Variable> variables;
  std::map<std::string, double> texts;
};

// Whether a variable may have this name: an identifier that is no function or constant.
bool may_be_named(const std::string& name);

// Not for two threads at once, copies included.
class Expression {
 public:
  // Throws InputError, without a place, for what does not parse or names what is not there.
  Expression(const std::string& text, const Vocabulary& vocabulary);

  // Those that it names, as numbers of the vocabulary's variables, ascending.
  const std::vector<std::size_t>& names() const { return names_; }
  // `values` of all variables of the vocabulary. May be infinite, or no number.
  double operator()(const std::vector<double>& values) const;
  // Not 0; what is no number meets nothing.
  bool holds(const std::vector<double>& values) const;

 private:
  struct Parser;
  std::shared_ptr<Parser> parser_;
  std::vector<std::size_t> names_;
};

}  // namespace anzan::sim
