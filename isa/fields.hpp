// What a field of an instruction or of a record is: the row type of the generated tables, from which the
// encoder, the assembler and the tests take everything that they know about fields.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace anzan::isa {

struct EnumEntry {
  std::string_view name;  // as in isa.json
  std::int64_t value = 0;
};

struct EnumInfo {
  std::string_view name;
  const EnumEntry* entries = nullptr;
  int size = 0;
};

enum class FieldKind : std::uint8_t { kUnsigned, kSigned, kMask, kEnum };

// Fields of a record that stand together in words of their own.
struct RecordPart {
  std::string_view name;
  int first_word = 0, words = 0;
  std::string_view writers;  // "host, settings_optimiser"
};

// One field, or one element of an array field. Every value fits std::int64_t.
struct FieldInfo {
  std::string_view name;  // "a.stride[3]"
  std::string_view stem;  // "a.stride"
  int index = 0;          // place in the array
  int count = 0;          // length of the array; 0: no array
  int offset = 0;         // first bit, counted from bit 0 of the first word
  int width = 0;          // bits, 1 to 32; a field lies within one word
  FieldKind kind = FieldKind::kUnsigned;
  const EnumInfo* values = nullptr;  // kEnum: the values that may stand here
  std::int64_t default_value = 0;
};

// An entry of one of the memories that hold settings and statistics, or what such a memory answers.
struct RecordInfo {
  std::string_view name;
  int words = 0;
  const FieldInfo* fields = nullptr;
  int field_count = 0;
  const RecordPart* parts = nullptr;
  int part_count = 0;
};

constexpr std::int64_t minimum(const FieldInfo& field) {
  return field.kind == FieldKind::kSigned ? -(std::int64_t{1} << (field.width - 1)) : 0;
}

constexpr std::int64_t maximum(const FieldInfo& field) {
  return (std::int64_t{1} << (field.kind == FieldKind::kSigned ? field.width - 1 : field.width)) - 1;
}

// Entry with that value, or nullptr.
constexpr const EnumEntry* find_value(const EnumInfo& values, std::int64_t value) {
  for (int i = 0; i < values.size; ++i)
    if (values.entries[i].value == value) return &values.entries[i];
  return nullptr;
}

// Whether the field can hold the value: in range and, for an enum, one of its values.
constexpr bool fits(const FieldInfo& field, std::int64_t value) {
  if (value < minimum(field) || value > maximum(field)) return false;
  return field.kind != FieldKind::kEnum || find_value(*field.values, value) != nullptr;
}

// The word that holds a field: its number, the field's bits in it, the value that stands there, and a value
// that fits the field as these bits.
constexpr std::size_t word_of(const FieldInfo& field) { return static_cast<std::size_t>(field.offset / 32); }
constexpr std::uint32_t bits_of(const FieldInfo& field) {
  return ~std::uint32_t{0} >> (32 - field.width) << field.offset % 32;
}
constexpr std::int64_t value_in(std::uint32_t word, const FieldInfo& field) {
  const std::int64_t value = (word & bits_of(field)) >> field.offset % 32;
  return field.kind == FieldKind::kSigned && value > maximum(field) ? value - (std::int64_t{1} << field.width)
                                                                    : value;
}
constexpr std::uint32_t bits_of(const FieldInfo& field, std::int64_t value) {
  return static_cast<std::uint32_t>(value) << field.offset % 32 & bits_of(field);
}

// Entry with that name, or nullptr.
constexpr const EnumEntry* find_name(const EnumInfo& values, std::string_view name) {
  for (int i = 0; i < values.size; ++i)
    if (values.entries[i].name == name) return &values.entries[i];
  return nullptr;
}

// A member of an instruction or record as the integer that its field holds, and back. `from_integer` expects
// a value that fits the field.
template <class T>
constexpr std::int64_t to_integer(T member) {
  if constexpr (std::is_enum_v<T>)
    return static_cast<std::int64_t>(static_cast<std::underlying_type_t<T>>(member));
  else
    return static_cast<std::int64_t>(member);
}

template <class T>
constexpr T from_integer(std::int64_t value) {
  if constexpr (std::is_enum_v<T>)
    return static_cast<T>(static_cast<std::underlying_type_t<T>>(value));
  else
    return static_cast<T>(value);
}

}  // namespace anzan::isa
