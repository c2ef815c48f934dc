// random_key and random_word, with mix inside, against models/random.hpp.
#include <Vrandom_key.h>
#include <Vrandom_word.h>
#include <gtest/gtest.h>

#include "isa/isa_generated.hpp"
#include "models/random.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/verilated.hpp"

namespace anzan::cosim::random_word_cosim_test {
namespace {

TEST(RandomWord, KeysAndWords) {
  Verilated<Vrandom_key> key;
  Verilated<Vrandom_word> word;
  CornerValues values(7);
  for (int n = 0; n < 200000; ++n) {
    key->seed_i = static_cast<std::uint32_t>(values.word());
    key->step_i = static_cast<std::uint32_t>(values.word());
    key->slot_i = static_cast<SData>(values.between(0, isa::kSlotsMax - 1));
    key->eval();
    ASSERT_EQ(key->key_o, models::random_key(key->seed_i, key->step_i, key->slot_i));
    word->key_i = key->key_o;
    word->index_i = n < 100000 ? static_cast<std::uint32_t>(n) : static_cast<std::uint32_t>(values.word());
    word->eval();
    ASSERT_EQ(word->word_o, models::random_word(word->key_i, word->index_i));
  }
}

}  // namespace
}  // namespace anzan::cosim::random_word_cosim_test
