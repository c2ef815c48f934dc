// Walks isa.json directly; shares nothing with the generator or the encoder.
#include "tests/isa/isa_description.hpp"

#include <algorithm>
#include <fstream>

namespace anzan::isa::test {
namespace {

class Placer {
 public:
  explicit Placer(const nlohmann::json& isa) : isa_(isa) {}

  PlacedRecord place(const std::string& name, const nlohmann::ordered_json& record) {
    result_ = {};
    word_ = bit_ = 0;
    for (const auto& [part, content] : record.at("parts").items()) {
      next_word();
      for (const nlohmann::json field : content.at("fields")) add(field, field.at(0));
    }
    return {name, word_ + (bit_ > 0 ? 1 : 0), result_.fields};
  }

  PlacedInstruction place(const std::string& name, const nlohmann::json& instruction) {
    result_ = {name, instruction.at("unit"), instruction.at("opcode"), 0, {}};
    word_ = bit_ = 0;
    for (const nlohmann::json& field : isa_.at("header")) add(field, field.at(0));
    for (const nlohmann::json& field : instruction.at("fields")) add_any(field, "");
    result_.words = word_ + (bit_ > 0 ? 1 : 0);
    return result_;
  }

 private:
  void add_any(const nlohmann::json& field, const std::string& prefix) {
    const std::string name = prefix + field.at(0).get<std::string>();
    if (field.size() > 2) {
      add(field, name);
      return;
    }
    const nlohmann::json& members = isa_.at("groups").at(field.at(1).get<std::string>()).at("fields");
    if (members.size() == 1) {
      add(members.at(0), name);
    } else {
      for (const nlohmann::json& member : members) add_any(member, name + ".");
    }
  }

  void next_word() {
    if (bit_ > 0) ++word_;
    bit_ = 0;
  }

  void add(const nlohmann::json& field, const std::string& name) {
    const int width = field.at(1);
    const std::string type = field.at(2);
    const nlohmann::json& count = field.at(3);
    const bool is_array = count != 1;
    const int elements = count.is_string() ? isa_.at("architecture").at(count.get<std::string>()).get<int>()
                                           : count.get<int>();
    if (is_array) next_word();
    for (int i = 0; i < elements; ++i) {
      if (bit_ + width > 32) next_word();
      const std::string element = is_array ? name + "[" + std::to_string(i) + "]" : name;
      result_.fields.push_back({element, word_, bit_, width, type == "s", type});
      bit_ += width;
      if (bit_ == 32) next_word();
    }
  }

  const nlohmann::json& isa_;
  PlacedInstruction result_;
  int word_ = 0, bit_ = 0;
};

}  // namespace

nlohmann::json read_isa_json() {
  std::ifstream file(ANZAN_ISA_JSON);
  return nlohmann::json::parse(file);
}

std::vector<PlacedInstruction> place_instructions(const nlohmann::json& isa) {
  std::vector<PlacedInstruction> result;
  for (const auto& [name, instruction] : isa.at("instructions").items())
    result.push_back(Placer(isa).place(name, instruction));
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.opcode < b.opcode; });
  return result;
}

std::vector<PlacedRecord> place_records(const nlohmann::ordered_json& isa) {
  const nlohmann::json plain = isa;
  std::vector<PlacedRecord> result;
  for (const auto& [name, record] : isa.at("records").items())
    result.push_back(Placer(plain).place(name, record));
  return result;
}

std::map<std::string, std::int64_t> read_fields(const PlacedInstruction& kind,
                                                const std::vector<std::uint32_t>& words, std::size_t at) {
  std::map<std::string, std::int64_t> result;
  for (const PlacedField& field : kind.fields) {
    std::int64_t value = 0;
    for (int bit = 0; bit < field.width; ++bit) {
      const bool set = words.at(at + static_cast<std::size_t>(field.word)) >> (field.shift + bit) & 1u;
      const bool negative = field.is_signed && bit == field.width - 1;
      if (set) value += (negative ? -1 : 1) * (std::int64_t{1} << bit);
    }
    if (field.name != "opcode") result[field.name] = value;
  }
  return result;
}

}  // namespace anzan::isa::test
