// Records of settings and statistics as the words in which the chip keeps them, and back.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "isa/isa_generated.hpp"

namespace anzan::isa {

template <class Record>
using RecordWords = std::array<std::uint32_t, static_cast<std::size_t>(Record::kWords)>;

// Bits that no field has are zero. Of a member, the bits of its field are taken.
template <class Record>
RecordWords<Record> pack(const Record& record) {
  RecordWords<Record> words{};
  Record::visit_fields(
      [&words](const FieldInfo& field, const auto& member) {
        words[word_of(field)] |= bits_of(field, to_integer(member));
      },
      record);
  return words;
}

// Takes any words. An enum may then hold a number that is none of its values: see holds().
template <class Record>
Record unpack(const RecordWords<Record>& words) {
  Record record;
  Record::visit_fields(
      [&words](const FieldInfo& field, auto& member) {
        member =
            from_integer<std::remove_reference_t<decltype(member)>>(value_in(words[word_of(field)], field));
      },
      record);
  return record;
}

// Whether the words are what pack() makes of a record whose enums are among their values.
template <class Record>
bool holds(const RecordWords<Record>& words) {
  const Record record = unpack<Record>(words);
  bool all_fit = pack(record) == words;
  Record::visit_fields(
      [&all_fit](const FieldInfo& field, const auto& member) {
        all_fit = all_fit && fits(field, to_integer(member));
      },
      record);
  return all_fit;
}

}  // namespace anzan::isa
