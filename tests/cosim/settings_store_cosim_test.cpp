// settings_store: every word through the host port, lookups of both units against the fields of
// models::SettingsStore, and answers that stay.
#include <gtest/gtest.h>

#include <vector>

#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/settings_bench.hpp"

namespace anzan::cosim::settings_store_cosim_test {
namespace {

constexpr std::uint32_t kScalarBase = isa::kSlotsMax * 16, kSeed = kScalarBase + isa::kScalars,
                        kStep = kSeed + 1;

class Store : public ::testing::Test {
 protected:
  EntryWords random_words() {
    EntryWords words;
    for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(values_.word());
    return words;
  }
  void fill() {
    for (int slot = 0; slot < isa::kSlotsMax; ++slot) {
      models::SlotSettings& s = store_.slot(slot);
      s.width = static_cast<std::uint8_t>(values_.between(isa::kWidthMin, isa::kWidthMax));
      s.q_read = static_cast<std::int8_t>(values_.between(isa::kBinaryPointMin, isa::kBinaryPointMax));
      s.q_write = static_cast<std::int8_t>(values_.between(isa::kBinaryPointMin, isa::kBinaryPointMax));
      s.rounding = static_cast<isa::Rounding>(values_.between(0, 2));
      bench_.write_entry(slot, isa::pack(s));
    }
    for (int n = 0; n < isa::kScalars; ++n) {
      store_.set_scalar(n, static_cast<std::uint32_t>(values_.word()));
      bench_.write_store(kScalarBase + static_cast<std::uint32_t>(n), store_.scalar(n));
    }
  }
  std::uint32_t packed(int slot) const {
    const models::SlotSettings& s = store_.slot(slot);
    return static_cast<std::uint32_t>(s.width | (s.q_read & 127) << 5 | (s.q_write & 127) << 12 |
                                      static_cast<int>(s.rounding) << 19);
  }
  SettingsBench bench_;
  models::SettingsStore store_{isa::kSlotsMax};
  std::uint32_t tensor_answer_ = 0, vector_answer_ = 0;
  CornerValues values_{31};
};

TEST_F(Store, HostReadsWhatItWrote) {
  std::vector<EntryWords> entries;
  for (int slot = 0; slot < isa::kSlotsMax; ++slot) {
    entries.push_back(random_words());
    bench_.write_entry(slot, entries.back());
  }
  std::vector<std::uint32_t> others;  // scalars, seed, step
  for (std::uint32_t n = 0; n < isa::kScalars + 2; ++n) {
    others.push_back(static_cast<std::uint32_t>(values_.word()));
    bench_.write_store(kScalarBase + n, others.back());
  }
  for (int slot = 0; slot < isa::kSlotsMax; ++slot)
    ASSERT_EQ(bench_.read_entry(slot), entries[static_cast<std::size_t>(slot)]) << slot;
  for (std::uint32_t n = 0; n < others.size(); ++n)
    ASSERT_EQ(bench_.read_store(kScalarBase + n), others[n]) << n;
  EXPECT_EQ(bench_.rtl().seed_o, others[kSeed - kScalarBase]);
  EXPECT_EQ(bench_.rtl().step_o, others[kStep - kScalarBase]);
  bench_.write_store(kStep, 77);
  EXPECT_EQ(bench_.rtl().step_o, 77U);
  EXPECT_EQ(bench_.rtl().seed_o, others[kSeed - kScalarBase]);
  bench_.write_store(kSeed, 78);
  EXPECT_EQ(bench_.rtl().seed_o, 78U);
  EXPECT_EQ(bench_.rtl().step_o, 77U);
}

// Three readers at once, each with its own address and pauses; a setting that has settled meanwhile is seen.
TEST_F(Store, Lookups) {
  fill();
  Vsettings_bench& rtl = bench_.rtl();
  int tensor = 0, vector = 0, scalar = 0;
  rtl.tensor_re_i = rtl.vector_re_i = rtl.scalar_re_i = 1;
  rtl.tensor_addr_i = rtl.vector_addr_i = rtl.scalar_addr_i = 0;
  bench_.end_cycle();
  for (int n = 0; n < 20000; ++n) {
    const auto slot = [this] { return values_.between(0, isa::kSlotsMax - 1); };
    if (values_.one_in(50)) {
      const int settled = slot();
      rtl.tensor_re_i = rtl.vector_re_i = rtl.scalar_re_i = 0;
      bench_.run(settle_of(settled));
      store_.settle(settled);
    }
    rtl.tensor_addr_i = static_cast<SData>(slot());
    rtl.vector_addr_i = static_cast<SData>(slot());
    rtl.scalar_addr_i = static_cast<CData>(values_.between(0, isa::kScalars - 1));
    rtl.tensor_re_i = values_.one_in(2) ? 1 : 0;
    rtl.vector_re_i = values_.one_in(2) ? 1 : 0;
    rtl.scalar_re_i = values_.one_in(2) ? 1 : 0;
    if (rtl.tensor_re_i != 0) tensor = rtl.tensor_addr_i;
    if (rtl.vector_re_i != 0) vector = rtl.vector_addr_i;
    if (rtl.scalar_re_i != 0) scalar = rtl.scalar_addr_i;
    const bool looked = rtl.tensor_re_i != 0, too = rtl.vector_re_i != 0;
    bench_.end_cycle();
    if (looked) {
      ASSERT_EQ(rtl.tensor_rdata_o, packed(tensor)) << n;
      tensor_answer_ = rtl.tensor_rdata_o;
    }
    if (too) {
      ASSERT_EQ(rtl.vector_rdata_o, packed(vector)) << n;
      vector_answer_ = rtl.vector_rdata_o;
    }
    ASSERT_EQ(rtl.scalar_rdata_o, store_.scalar(scalar)) << n;
    if (n < 100) continue;  // until each has answered once
    ASSERT_EQ(rtl.tensor_rdata_o, tensor_answer_) << n;
    ASSERT_EQ(rtl.vector_rdata_o, vector_answer_) << n;
  }
}

}  // namespace
}  // namespace anzan::cosim::settings_store_cosim_test
