// The SystemVerilog package says the same as the C++ tables, constant by constant, and nothing else.
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

#include "isa/program.hpp"
#include "tests/isa/isa_description.hpp"

namespace anzan::isa::test::package_test {
namespace {

std::string camel(std::string_view text) {
  std::string result;
  bool capital = true;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      capital = true;
      continue;
    }
    result += capital ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    capital = false;
  }
  return result;
}

std::map<std::string, std::int64_t> read_package() {
  std::ifstream file(ANZAN_ISA_PACKAGE);
  std::stringstream text;
  text << file.rdbuf();
  const std::string package = text.str();
  const std::regex constant(R"(localparam\s+(?:integer|\[\d+:0\])\s+(\w+) = (?:\d+'d)?(-?\d+);)");
  std::map<std::string, std::int64_t> result;
  for (std::sregex_iterator match(package.begin(), package.end(), constant), end; match != end; ++match)
    EXPECT_TRUE(result.emplace((*match)[1], std::stoll((*match)[2])).second) << (*match)[1] << " twice";
  return result;
}

void add_fields(std::map<std::string, std::int64_t>& constants, const std::string& name,
                const FieldInfo* fields, int count) {
  for (int row = 0; row < count; ++row) {
    const FieldInfo& field = fields[row];
    const std::string stem = name + camel(field.stem);
    if (field.index == 0) constants[stem + "Lsb"] = field.offset;
    EXPECT_EQ(constants[stem + "Lsb"] + field.index * field.width, field.offset) << name << field.name;
    constants[stem + "Width"] = field.width;
    if (field.count > 0) constants[stem + "Count"] = field.count;
  }
}

void add_record(std::map<std::string, std::int64_t>& constants, const RecordInfo& record) {
  const std::string name = camel(record.name);
  const FieldInfo& last = record.fields[record.field_count - 1];
  constants[name + "Words"] = record.words;
  constants[name + "Bits"] = last.offset + last.width;
  for (int part = 0; part < record.part_count; ++part) {
    const std::string stem = name + camel(record.parts[part].name);
    constants[stem + "FirstWord"] = record.parts[part].first_word;
    constants[stem + "Words"] = record.parts[part].words;
  }
  add_fields(constants, name, record.fields, record.field_count);
}

void add_enum(std::map<std::string, std::int64_t>& constants, const EnumInfo& info, bool with_bits,
              int bits) {
  if (with_bits) {
    constants[camel(info.name) + "Bits"] = bits;
    constants[camel(info.name) + "Count"] = info.size;
  }
  for (int i = 0; i < info.size; ++i)
    constants[camel(info.name) + camel(info.entries[i].name)] = info.entries[i].value;
}

std::map<std::string, std::int64_t> expected_constants() {
  std::map<std::string, std::int64_t> constants;
  const nlohmann::json isa = read_isa_json();
  for (const auto& [name, value] : isa.at("architecture").items())
    if (value.is_number()) constants[camel(name)] = value;
  constants["LanesMin"] = kLanes.front();
  constants["LanesMax"] = kLanes.back();
  add_enum(constants, kRoundingInfo, true, 2);
  add_enum(constants, kPolicyInfo, true, 3);
  add_enum(constants, kCounterSetInfo, true, 1);
  add_enum(constants, kOpcodeInfo, false, 0);
  add_enum(constants, kUnitInfo, false, 0);
  constants["UnitCount"] = kUnitInfo.size;
  for (const InstructionInfo& kind : kInstructions) {
    const std::string name = camel(kind.name);
    constants[name + "Words"] = kind.words;
    constants[name + "OpcodeLsb"] = 0;
    constants[name + "OpcodeWidth"] = kOpcodeBits;
    add_fields(constants, name, kind.fields, kind.field_count);
    for (int row = 0; row < kind.field_count; ++row) {
      const FieldInfo& field = kind.fields[row];
      if (field.kind == FieldKind::kEnum) add_enum(constants, *field.values, true, field.width);
    }
  }
  for (const RecordInfo& record : kRecords) add_record(constants, record);
  constants["StatisticsLines"] = kStatisticsLines;
  return constants;
}

TEST(SystemVerilogPackage, HasExactlyTheConstantsOfTheTables) {
  const std::map<std::string, std::int64_t> package = read_package();
  const std::map<std::string, std::int64_t> expected = expected_constants();
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(package.count(name)) << name << " is missing";
    EXPECT_EQ(package.at(name), value) << name;
  }
  for (const auto& [name, value] : package) EXPECT_TRUE(expected.count(name)) << name << " is not expected";
  EXPECT_GT(package.size(), 100u);
}

}  // namespace
}  // namespace anzan::isa::test::package_test
