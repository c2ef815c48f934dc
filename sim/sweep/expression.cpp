// What muParser would take and is no expression of ours (assignments, lists) is refused before it is asked;
// texts are numbers to it.
#include "sim/sweep/expression.hpp"

#include <fmt/format.h>
#include <muParser.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string_view>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/schema.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;

enum class TokenKind { kName, kNumber, kText, kOperator };
struct Token {
  TokenKind kind;
  std::string text;  // of a text, what stands between its quotes
};

bool begins_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool continues_name(char c) { return begins_name(c) || is_digit(c); }

class Tokens {
 public:
  explicit Tokens(const std::string& text) : text_(text) {}

  std::vector<Token> read() {
    std::vector<Token> tokens;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        ++at_;
      else
        tokens.push_back(next(c));
    }
    return tokens;
  }

 private:
  Token next(char c) {
    const std::size_t from = at_++;
    if (begins_name(c)) {
      while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
      return {TokenKind::kName, text_.substr(from, at_ - from)};
    }
    if (is_digit(c) || c == '.') {
      while (at_ < text_.size() && (continues_name(text_[at_]) || text_[at_] == '.' || signs_exponent()))
        ++at_;
      return {TokenKind::kNumber, text_.substr(from, at_ - from)};
    }
    if (c == '"' || c == '\'') {
      const std::size_t end = text_.find(c, at_);
      if (end == std::string::npos)
        throw InputError("", text_.substr(from), "a text with a quote at its end");
      at_ = end + 1;
      return {TokenKind::kText, text_.substr(from + 1, end - from - 1)};
    }
    for (const char* two : {"&&", "||", "==", "!=", "<=", ">="}) {
      if (text_.compare(from, 2, two) == 0) {
        ++at_;
        return {TokenKind::kOperator, two};
      }
    }
    return {TokenKind::kOperator, std::string(1, c)};
  }
  bool signs_exponent() const {
    return (text_[at_] == '+' || text_[at_] == '-') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

constexpr std::array<std::string_view, 20> kOperators{"+", "-", "*", "/", "%",  "^",  "(",  ")",  "<",  ">",
                                                      "!", "?", ":", ",", "&&", "||", "==", "!=", "<=", ">="};

double remainder_of(double a, double b) { return std::fmod(a, b); }
double negation(double a) { return a == 0 ? 1 : 0; }

mu::Parser dialect() {
  mu::Parser parser;
  parser.DefineConst("true", 1);
  parser.DefineConst("false", 0);
  parser.DefineOprt("%", remainder_of, mu::prMUL_DIV);
  parser.DefineInfixOprt("!", negation);
  return parser;
}
const mu::Parser& plain_dialect() {
  static const mu::Parser parser = dialect();
  return parser;
}
bool is_function(const std::string& name) { return plain_dialect().GetFunDef().count(name) > 0; }
bool is_constant(const std::string& name) { return plain_dialect().GetConst().count(name) > 0; }

// Whether a text may stand between these: not beside arithmetic, which would bind it first.
bool ends_comparison(const std::vector<Token>& tokens, std::size_t before, std::size_t after) {
  const auto open = [&](std::size_t i, const std::string& allowed) {
    return i >= tokens.size() || (tokens[i].kind == TokenKind::kOperator &&
                                  allowed.find(" " + tokens[i].text + " ") != std::string::npos);
  };
  return open(before, " ( && || , ? : ") && open(after, " ) && || , ? : ");
}

}  // namespace

struct Expression::Parser {
  mu::Parser mu = dialect();
  std::vector<double> values;  // of the variables named, in the order of names()
};

bool may_be_named(const std::string& name) {
  return !name.empty() && name.size() <= 64 && begins_name(name[0]) &&
         std::all_of(name.begin(), name.end(), continues_name) && !is_function(name) && !is_constant(name);
}

namespace {

class ExpressionReader {
 public:
  ExpressionReader(const std::string& text, const Vocabulary& vocabulary)
      : vocabulary_(vocabulary), tokens_(Tokens(text).read()) {}

  // The expression as muParser reads it; texts are numbers there.
  std::string read(std::vector<std::size_t>& names) {
    if (tokens_.empty())
      throw InputError("", "no expression", "one, such as lanes * scratchpad_kib <= 65536");
    std::string plain;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      check(token, i);
      if (token.kind == TokenKind::kName && variable(token.text) < vocabulary_.variables.size())
        names.push_back(variable(token.text));
      if (token.text != "(") plain += " ";  // a function and its bracket stand together
      plain +=
          token.kind == TokenKind::kText ? fmt::format("{}", vocabulary_.texts.at(token.text)) : token.text;
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return plain;
  }

 private:
  std::size_t variable(const std::string& name) const {
    std::size_t v = 0;
    while (v < vocabulary_.variables.size() && vocabulary_.variables[v].name != name) ++v;
    return v;
  }
  bool is_text(std::size_t i) const {
    if (i >= tokens_.size()) return false;
    if (tokens_[i].kind == TokenKind::kText) return true;
    const std::size_t v =
        tokens_[i].kind == TokenKind::kName ? variable(tokens_[i].text) : vocabulary_.variables.size();
    return v < vocabulary_.variables.size() && vocabulary_.variables[v].is_text;
  }
  bool compares(std::size_t i) const {
    return i < tokens_.size() && (tokens_[i].text == "==" || tokens_[i].text == "!=");
  }

  void check(const Token& token, std::size_t i) const {
    if (token.kind == TokenKind::kOperator) return check_operator(token);
    if (token.kind == TokenKind::kName) check_name(token, i);
    if (token.kind == TokenKind::kText && vocabulary_.texts.count(token.text) == 0) {
      std::vector<std::string> known;
      for (const auto& [text, number] : vocabulary_.texts) known.push_back(text);
      throw InputError("", shown(token.text),
                       "a text that an axis has as a value" + suggestion(token.text, known));
    }
    if (is_text(i)) {
      const bool left = compares(i + 1) && is_text(i + 2) && ends_comparison(tokens_, i - 1, i + 3);
      const bool right = compares(i - 1) && is_text(i - 2) && ends_comparison(tokens_, i - 3, i + 1);
      if (!left && !right)
        throw InputError("", shown(token.text), "a text compared with another by == or !=, and nothing else");
    }
  }
  void check_operator(const Token& token) const {
    if (std::find(kOperators.begin(), kOperators.end(), token.text) == kOperators.end())
      throw InputError("", token.text,
                       token.text == "=" ? "==" : "an operator: + - * / % ^ < <= > >= == != ! && || ?:");
  }
  void check_name(const Token& token, std::size_t i) const {
    const bool called =
        i + 1 < tokens_.size() && tokens_[i + 1].text == "(" && tokens_[i + 1].kind == TokenKind::kOperator;
    if (called ? is_function(token.text)
               : is_constant(token.text) || variable(token.text) < vocabulary_.variables.size())
      return;
    std::vector<std::string> known;
    std::string list;
    if (called)
      for (const auto& [name, function] : plain_dialect().GetFunDef()) known.push_back(name);
    else
      for (const Variable& v : vocabulary_.variables) known.push_back(v.name);
    for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
    throw InputError("", token.text,
                     fmt::format("one of the {} {}{}", called ? "functions" : "names", list,
                                 suggestion(token.text, known)));
  }

  const Vocabulary& vocabulary_;
  std::vector<Token> tokens_;
};

}  // namespace

Expression::Expression(const std::string& text, const Vocabulary& vocabulary)
    : parser_(std::make_shared<Parser>()) {
  const std::string plain = ExpressionReader(text, vocabulary).read(names_);
  parser_->values.assign(names_.size(), 1);
  try {
    for (std::size_t n = 0; n < names_.size(); ++n)
      parser_->mu.DefineVar(vocabulary.variables[names_[n]].name, &parser_->values[n]);
    parser_->mu.SetExpr(plain);
    parser_->mu.Eval();
    if (parser_->mu.GetNumResults() != 1)
      throw InputError("", shown(text), "one value, not several with commas between");
  } catch (const mu::Parser::exception_type& error) {
    throw InputError("", shown(text), "an expression (" + error.GetMsg() + ")");
  }
}

double Expression::operator()(const std::vector<double>& values) const {
  for (std::size_t n = 0; n < names_.size(); ++n) parser_->values[n] = values[names_[n]];
  return parser_->mu.Eval();
}

bool Expression::holds(const std::vector<double>& values) const {
  const double value = (*this)(values);
  return value != 0 && !std::isnan(value);
}

}  // namespace anzan::sim
