// Records of settings and statistics: the tables against isa.json as the test reads it, and words and back.
#include "isa/records.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <string>

#include "tests/isa/isa_description.hpp"
#include "tests/isa/random_fields.hpp"

namespace anzan::isa::test::records_test {
namespace {

nlohmann::ordered_json read_in_order() {
  std::ifstream file(ANZAN_ISA_JSON);
  return nlohmann::ordered_json::parse(file);
}

TEST(Records, SayWhatIsaJsonSays) {
  const nlohmann::ordered_json isa = read_in_order();
  const std::vector<PlacedRecord> placed = place_records(isa);
  ASSERT_EQ(placed.size(), kRecords.size());
  for (std::size_t r = 0; r < placed.size(); ++r) {
    SCOPED_TRACE(placed[r].name);
    const RecordInfo& generated = kRecords[r];
    EXPECT_EQ(generated.name, placed[r].name);
    EXPECT_EQ(generated.words, placed[r].words);
    ASSERT_EQ(static_cast<std::size_t>(generated.field_count), placed[r].fields.size());
    for (int row = 0; row < generated.field_count; ++row) {
      const FieldInfo& field = generated.fields[row];
      const PlacedField& expected = placed[r].fields[static_cast<std::size_t>(row)];
      EXPECT_EQ(field.name, expected.name);
      EXPECT_EQ(field.offset, expected.word * 32 + expected.shift) << expected.name;
      EXPECT_EQ(field.width, expected.width) << expected.name;
      EXPECT_EQ(field.kind == FieldKind::kSigned, expected.is_signed) << expected.name;
      EXPECT_EQ(field.kind == FieldKind::kEnum, expected.type.size() > 1) << expected.name;
    }
    const auto& parts = isa.at("records").at(placed[r].name).at("parts");
    ASSERT_EQ(static_cast<std::size_t>(generated.part_count), parts.size());
    int word = 0;
    for (int p = 0; p < generated.part_count; ++p) {
      std::string writers;
      const RecordPart& part = generated.parts[p];
      for (const auto& writer : parts.at(std::string(part.name)).at("writers"))
        writers += (writers.empty() ? "" : ", ") + writer.get<std::string>();
      EXPECT_EQ(part.writers, writers) << part.name;
      EXPECT_EQ(part.first_word, word) << part.name;
      word += part.words;
    }
    EXPECT_EQ(word, generated.words);
  }
}

template <class Record>
class RecordTest : public ::testing::Test {};
using AllRecords = ::testing::Types<SlotSettings, Lookup, Statistics<std::uint32_t>>;
TYPED_TEST_SUITE(RecordTest, AllRecords);

template <class Record>
Record drawn(std::mt19937_64& random) {
  Record record;
  Record::visit_fields(
      [&random](const FieldInfo& field, auto& member) {
        const std::vector<std::int64_t> corners = corner_values(field);
        member = from_integer<std::remove_reference_t<decltype(member)>>(corners[random() % corners.size()]);
      },
      record);
  return record;
}

// Each of the words' bits belongs to one field at most, and comes back as the field's value.
TYPED_TEST(RecordTest, GoesToWordsAndBack) {
  std::mt19937_64 random(20260311);
  for (int n = 0; n < 300; ++n) {
    const TypeParam record = drawn<TypeParam>(random);
    const RecordWords<TypeParam> words = pack(record);
    EXPECT_TRUE(unpack<TypeParam>(words) == record);
    EXPECT_TRUE(holds<TypeParam>(words));
    RecordWords<TypeParam> sum{};
    TypeParam::visit_fields(
        [&sum](const FieldInfo& field, const auto& member) {
          const std::uint32_t bits = bits_of(field, to_integer(member));
          EXPECT_EQ(sum[word_of(field)] & bits_of(field), 0U) << field.name;
          sum[word_of(field)] |= bits;
        },
        record);
    EXPECT_EQ(sum, words);
  }
}

TYPED_TEST(RecordTest, RefusesBitsOfNoFieldAndUnknownChoices) {
  const TypeParam fresh;
  RecordWords<TypeParam> used{};
  TypeParam::visit_fields(
      [&used](const FieldInfo& field, const auto&) { used[word_of(field)] |= bits_of(field); }, fresh);
  for (std::size_t w = 0; w < used.size(); ++w) {
    for (int bit = 0; bit < 32; ++bit) {
      RecordWords<TypeParam> words = pack(fresh);
      words[w] ^= 1U << bit;
      if ((used[w] >> bit & 1) == 0) {
        EXPECT_FALSE(holds<TypeParam>(words)) << w << " " << bit;
      }
    }
  }
  TypeParam::visit_fields(
      [&fresh](const FieldInfo& field, const auto&) {
        if (field.kind != FieldKind::kEnum || field.values->size > maximum(field)) return;
        RecordWords<TypeParam> words = pack(fresh);
        words[word_of(field)] |= bits_of(field, field.values->size);
        EXPECT_FALSE(holds<TypeParam>(words)) << field.name;
      },
      fresh);
}

// A lookup holds all widths, binary points and roundings that there are.
TEST(Records, LookupsHoldEveryNumber) {
  for (int width = kWidthMin; width <= kWidthMax; ++width) EXPECT_TRUE(fits(kLookupFields[0], width));
  for (int q = kBinaryPointMin; q <= kBinaryPointMax; ++q) {
    Lookup lookup;
    lookup.q_read = lookup.q_write = static_cast<std::int8_t>(q);
    EXPECT_TRUE(unpack<Lookup>(pack(lookup)) == lookup) << q;
  }
  for (const EnumEntry& rounding : kRoundingEntries) EXPECT_TRUE(fits(kLookupFields[3], rounding.value));
}

}  // namespace
}  // namespace anzan::isa::test::records_test
