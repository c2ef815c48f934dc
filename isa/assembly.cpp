// Disassembler and assembler, driven by the generated field tables alone.
#include "isa/assembly.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <vector>

namespace anzan::isa {
namespace {

std::string format_value(const FieldInfo& field, std::int64_t value) {
  if (field.kind == FieldKind::kEnum) return std::string(find_value(*field.values, value)->name);
  char buffer[24];
  const bool mask = field.kind == FieldKind::kMask;
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof buffer, value, mask ? 16 : 10);
  return (mask ? "0x" : "") + std::string(buffer, end.ptr);
}

// Values of one instruction in the order of its field table.
std::vector<std::int64_t> field_values(const Instruction& instruction) {
  std::vector<std::int64_t> values;
  visit_fields(instruction,
               [&values](const FieldInfo&, const auto& member) { values.push_back(to_integer(member)); });
  return values;
}

void disassemble_one(const Instruction& instruction, std::size_t number, std::string& text) {
  const InstructionInfo& kind = info(instruction);
  const std::vector<std::int64_t> values = field_values(instruction);
  text += kind.name;
  for (int first = 0; first < kind.field_count;) {
    const FieldInfo& field = kind.fields[first];
    const int last = first + std::max(field.count, 1);
    int begin = first;  // the first element that must be written: what leads at its default is left out
    while (begin < last && values[static_cast<std::size_t>(begin)] == kind.fields[begin].default_value)
      ++begin;
    if (begin < last) text += " " + std::string(field.stem) + (field.count > 0 ? "=[" : "=");
    for (int i = begin; i < last; ++i) {
      const std::int64_t value = values[static_cast<std::size_t>(i)];
      if (!fits(kind.fields[i], value))
        throw ProgramError({number, static_cast<std::size_t>(kind.fields[i].offset / kWordBits),
                            std::string(kind.fields[i].name)},
                           std::to_string(value), permitted(kind.fields[i]));
      text += (i > begin ? " " : "") + format_value(kind.fields[i], value);
    }
    if (begin < last && field.count > 0) text += "]";
    first = last;
  }
  text += "\n";
}

struct Token {
  std::string_view text;  // a word, or one of = [ ]; empty at the end of a line
  int column = 1;
};

class LineReader {
 public:
  LineReader(std::string_view line, int number) : line_(line.substr(0, line.find('#'))), number_(number) {}

  Token next() {
    while (at_ < line_.size() && is_space(line_[at_])) ++at_;
    const std::size_t begin = at_;
    if (at_ < line_.size() && is_mark(line_[at_]))
      ++at_;
    else
      while (at_ < line_.size() && !is_space(line_[at_]) && !is_mark(line_[at_])) ++at_;
    return {line_.substr(begin, at_ - begin), static_cast<int>(begin) + 1};
  }

  [[noreturn]] void fail(const Token& token, const std::string& expected) const {
    const std::string found =
        token.text.empty() ? "the end of the line" : "'" + std::string(token.text) + "'";
    throw AssemblyError(number_, token.column, found, expected);
  }

  void expect(std::string_view mark, const std::string& expected) {
    const Token token = next();
    if (token.text != mark) fail(token, expected);
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }
  static bool is_mark(char c) { return c == '=' || c == '[' || c == ']'; }

  std::string_view line_;
  int number_;
  std::size_t at_ = 0;
};

std::int64_t parse_value(const LineReader& reader, const FieldInfo& field, const Token& token) {
  if (field.kind == FieldKind::kEnum) {
    const EnumEntry* entry = find_name(*field.values, token.text);
    if (entry == nullptr) reader.fail(token, permitted(field));
    return entry->value;
  }
  std::string_view digits = token.text;
  const bool hexadecimal = digits.substr(0, 2) == "0x";
  if (hexadecimal) digits.remove_prefix(2);
  const char* const end = digits.data() + digits.size();
  std::int64_t value = 0;
  const std::from_chars_result result = std::from_chars(digits.data(), end, value, hexadecimal ? 16 : 10);
  const bool sign_after_prefix = hexadecimal && !digits.empty() && digits.front() == '-';
  if (result.ec != std::errc() || result.ptr != end || sign_after_prefix || !fits(field, value))
    reader.fail(token, permitted(field));
  return value;
}

// Reads "= value" or "= [values]" of the field in row `first` into `values`. A list shorter than the
// array fills its last elements.
void read_field(LineReader& reader, const InstructionInfo& kind, int first,
                std::vector<std::int64_t>& values) {
  const FieldInfo& field = kind.fields[first];
  reader.expect("=", "=");
  if (field.count == 0) {
    values[static_cast<std::size_t>(first)] = parse_value(reader, field, reader.next());
    return;
  }
  reader.expect("[", "a list in [ ]");
  std::vector<std::int64_t> list;
  for (Token token = reader.next(); token.text != "]"; token = reader.next()) {
    if (list.size() == static_cast<std::size_t>(field.count))
      reader.fail(token, "] after at most " + std::to_string(field.count) + " values");
    list.push_back(parse_value(reader, field, token));
  }
  std::copy(list.rbegin(), list.rend(), values.rend() - (first + field.count));
}

std::string known_instructions() {
  std::string text = "an instruction:";
  for (const InstructionInfo& kind : kInstructions) text += " " + std::string(kind.name);
  return text;
}

std::string known_fields(const InstructionInfo& kind) {
  std::string text = "a field of " + std::string(kind.name) + ":";
  for (int i = 0; i < kind.field_count; ++i)
    if (kind.fields[i].index == 0) text += " " + std::string(kind.fields[i].stem);
  return text;
}

// The instruction that begins with `name`, to the end of the line.
Instruction assemble_one(LineReader& reader, const Token& name) {
  std::size_t number = 0;
  while (number < kInstructions.size() && kInstructions[number].name != name.text) ++number;
  if (number == kInstructions.size()) reader.fail(name, known_instructions());
  const InstructionInfo& kind = kInstructions[number];
  Instruction instruction = make_instruction(number);
  std::vector<std::int64_t> values = field_values(instruction);
  std::vector<bool> given(values.size());
  for (Token token = reader.next(); !token.text.empty(); token = reader.next()) {
    int row = 0;
    while (row < kind.field_count && kind.fields[row].stem != token.text) ++row;
    if (row == kind.field_count) reader.fail(token, known_fields(kind));
    if (given[static_cast<std::size_t>(row)]) reader.fail(token, "each field at most once");
    given[static_cast<std::size_t>(row)] = true;
    read_field(reader, kind, row, values);
  }
  std::size_t next = 0;
  visit_fields(instruction, [&](const FieldInfo&, auto& member) {
    member = from_integer<std::remove_reference_t<decltype(member)>>(values[next++]);
  });
  return instruction;
}

}  // namespace

std::string disassemble(const Program& program) {
  std::string text;
  for (std::size_t number = 0; number < program.size(); ++number)
    disassemble_one(program[number], number, text);
  return text;
}

Program assemble(std::string_view text) {
  Program program;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    LineReader reader(text.substr(0, end), number);
    text.remove_prefix(std::min(end + 1, text.size()));
    const Token name = reader.next();
    if (!name.text.empty()) program.push_back(assemble_one(reader, name));
  }
  return program;
}

}  // namespace anzan::isa
