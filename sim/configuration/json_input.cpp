// Strict reading with nlohmann's parser events, which see what the finished document no longer shows.
#include "sim/configuration/json_input.hpp"

#include <algorithm>

#include "sim/host/input_file.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Json = nlohmann::json;

constexpr std::size_t kDepthLimit = 64;
constexpr std::size_t kMostBytes = std::size_t{1} << 26;
constexpr std::size_t kMostFindings = 1000;

// Builds the document from the parser's events, and notes what the finished document would no longer show.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(const std::string& place) : place_(place) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(std::int64_t value) override { return put(value); }
  bool number_unsigned(std::uint64_t value) override { return put(value); }
  bool number_float(double value, const std::string& text) override {
    const std::string digits = text.substr(0, text.find_first_of("eE"));
    put(value);
    if (value == 0 && digits.find_first_of("123456789") != std::string::npos)
      find(text, "a number that a double does not round to 0");
    return true;
  }
  bool string(std::string& value) override {
    const bool nul = value.find('\0') != std::string::npos;
    put(std::move(value));
    if (nul) find("a string with a NUL character", "a string without");
    return true;
  }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    const bool nul = name.find('\0') != std::string::npos, twice = open_.back()->contains(name);
    keys_.back() = name;
    last_ = name;
    if (nul) find("a key with a NUL character", "a key without");
    if (twice) find("the key " + shown(name) + " twice in one object", "each key once");
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    std::string what = error.what();
    const std::size_t prefix = what.find("] ");
    if (prefix != std::string::npos) what.erase(0, prefix + 2);
    throw InputError(
        open_.empty() || !open_.back()->is_object() || last_.empty() ? place_ : place_ + "#" + pointer(),
        what, "JSON");
  }

  Json take() {
    if (!findings_.empty()) throw InputError(std::move(findings_));
    return std::move(root_);
  }

 private:
  std::string pointer() const {
    std::string text;
    for (std::size_t level = 0; level < open_.size(); ++level)
      text += "/" + (open_[level]->is_object()
                         ? pointer_token(keys_[level])
                         : std::to_string(std::max<std::size_t>(open_[level]->size(), 1) - 1));
    return text;
  }
  void find(const std::string& found, const std::string& expected) {
    if (findings_.size() < kMostFindings) findings_.push_back({place_ + "#" + pointer(), found, expected});
  }
  Json* add(Json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    Json& in = *open_.back();
    if (in.is_object()) return &(in[keys_.back()] = std::move(value));
    in.push_back(std::move(value));
    return &in.back();
  }
  bool put(Json value) {
    add(std::move(value));
    last_.clear();
    return true;
  }
  bool open(Json value) {
    if (open_.size() == kDepthLimit)
      throw InputError(place_, "JSON nested deeper than 64 levels", "a configuration");
    open_.push_back(add(std::move(value)));
    keys_.emplace_back();
    last_.clear();
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    last_.clear();
    return true;
  }

  const std::string& place_;
  Json root_;
  std::vector<Json*> open_;  // objects and arrays around what comes next
  std::vector<std::string> keys_;
  std::string last_;  // the key whose value comes next
  std::vector<compiler::InputFinding> findings_;
};

}  // namespace

Json parse_json(const std::string& text, const std::string& place) {
  const std::size_t nul = text.find('\0');
  if (nul != std::string::npos) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n');
    throw InputError(place, "a NUL byte in line " + std::to_string(line), "JSON");
  }
  StrictBuilder builder(place);
  Json::sax_parse(text, &builder);
  return builder.take();
}

Json read_json_file(const std::filesystem::path& file) {
  const std::string text = read_whole(file, "a JSON file", kMostBytes, Pipes::kRead);
  if (text.empty()) throw InputError(file.string(), "an empty file", "a JSON file");
  return parse_json(text, file == "-" ? "standard input" : file.string());
}

Override parse_override(const std::string& text) {
  const std::string place = "--set " + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || text.empty() || text[0] != '/') {
    throw InputError(place, shown(text), "/json/pointer=value, e.g. /training/batch=32");
  }
  Override change;
  try {
    change.pointer = Json::json_pointer(text.substr(0, equals));
  } catch (const Json::exception&) {
    throw InputError(place, shown(text.substr(0, equals)), "a JSON pointer");
  }
  const std::string value = text.substr(equals + 1);
  if (Json::accept(value)) {
    change.value = parse_json(value, place);
  } else {
    change.value = value;
    try {
      (void)change.value.dump();
    } catch (const Json::exception&) {  // in files the parser refuses them
      throw InputError(change.pointer.to_string(), "bytes that are no UTF-8", "text in UTF-8");
    }
  }
  return change;
}

void apply_override(Json& json, const Override& change, const Schema& schema) {
  const std::string pointer = change.pointer.to_string();
  if (!schema.allows(change.pointer)) {
    throw InputError(pointer, "a --set of a key that does not exist",
                     "a key of the configuration" + schema.suggestion_for(change.pointer));
  }
  std::vector<std::string> tokens;
  for (Json::json_pointer p = change.pointer; !p.empty(); p.pop_back())
    tokens.insert(tokens.begin(), p.back());
  Json* node = &json;
  for (const std::string& token : tokens) {
    if (node->is_null()) *node = Json::object();
    if (node->is_array()) {
      const bool number = !token.empty() && token.size() < 10 && (token.size() == 1 || token[0] != '0') &&
                          token.find_first_not_of("0123456789") == std::string::npos;
      if (!number || std::stoul(token) >= node->size()) {
        throw InputError(pointer, "a --set of element " + token,
                         "one of the " + std::to_string(node->size()) + " elements");
      }
      node = &node->at(std::stoul(token));
    } else if (node->is_object()) {
      node = &(*node)[token];
    } else {
      throw InputError(pointer, "a --set inside " + shown(*node), "an object to set a key of");
    }
  }
  *node = change.value;
}

}  // namespace anzan::sim
