// lane_alu and lane_fold against the vector unit of models/: each instruction runs there, then lane by lane
// here.
#include <Vlane_alu.h>
#include <Vlane_fold.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "models/number_format.hpp"
#include "models/random.hpp"
#include "models/vector_unit.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/verilated.hpp"

namespace anzan::cosim::lane_alu_cosim_test {
namespace {

constexpr std::size_t kLanes = 32;
constexpr int kRows = 512;  // of each operand
constexpr int kSlot = 5;
using Words = std::vector<std::uint32_t>;

// A core whose scratchpad holds operands a, b, c and room for the output, kRows rows each.
class VectorUnit {
 public:
  VectorUnit() : core_(kLanes, 4 * kRows * kLanes * 4 / 1024, 1) {
    core_.settings.set_seed(11);
    core_.settings.set_step(12);
  }
  std::uint32_t key() const { return models::random_key(11, 12, kSlot); }
  // The output rows of the instruction on these operands; `at` is filled in for the operands that op reads.
  Words run(isa::Vector v, const Words& a, const Words& b, const Words& c) {
    const Words* const words[] = {&a, &b, &c};
    isa::Operand* const operands[] = {&v.a, &v.b, &v.c};
    for (std::size_t k = 0; k < 3; ++k) {
      std::memcpy(core_.scratchpad() + 4 * k * kRows * kLanes, words[k]->data(), 4 * words[k]->size());
      operands[k]->kind = isa::OperandKind::kRows;
      operands[k]->format = isa::Format::kFp32;
      operands[k]->at.base = static_cast<std::uint32_t>(k * kRows);
      operands[k]->at.stride[7] = 1;
      operands[k]->at.stride[6] = v.loops[7];
    }
    v.out_format = isa::Format::kFp32;
    v.slot_o = kSlot;
    v.mask = {0, kLanes};
    v.o.base = 3 * kRows;
    v.o.stride[6] = v.reduce == 0 ? v.loops[7] : 1;
    v.o.stride[7] = v.reduce == 0 ? 1 : 0;
    v.x.stride[7] = kLanes;
    v.x.lane_stride = 1;
    models::VectorPlan planned = models::plan(v, models::MemorySizes(core_));
    models::bind(planned, core_);
    models::LocalStatistics statistics;
    models::execute(planned, *models::kernels::generic_kernels(kLanes), 0, planned.iterations, statistics);
    Words out(kRows * kLanes);
    std::memcpy(out.data(), core_.scratchpad() + 4 * 3 * kRows * kLanes, 4 * out.size());
    return out;
  }

 private:
  models::Core core_;
};

constexpr int kOps = isa::kVectorOpInfo.size;
class LaneAlu : public ::testing::TestWithParam<int> {
 protected:
  isa::VectorOp op() const { return static_cast<isa::VectorOp>(GetParam()); }
  void fill(Words& a, Words& b, Words& c);
  CornerValues values_{static_cast<std::uint64_t>(100 + GetParam())};
};
INSTANTIATE_TEST_SUITE_P(Operations, LaneAlu, ::testing::Range(0, kOps), [](const auto& param) {
  return std::string(isa::name(static_cast<isa::VectorOp>(param.param)));
});

// Equal and opposite operands, and small and limiting integers, are frequent.
void LaneAlu::fill(Words& a, Words& b, Words& c) {
  for (std::size_t k = 0; k < a.size(); ++k) {
    const Triple t = values_.triple();
    a[k] = t.a;
    b[k] = values_.one_in(4) ? t.a ^ (values_.one_in(2) ? 0x80000000U : 0U) : t.b;
    c[k] = t.c;
    if (values_.one_in(4)) a[k] = values_.fp32(127 + values_.between(-3, 33));  // near the limits of int32
    if (values_.one_in(4)) a[k] = static_cast<std::uint32_t>(values_.integer(33));
    if (values_.one_in(4)) b[k] = static_cast<std::uint32_t>(values_.integer(8));
  }
}

TEST_P(LaneAlu, EqualsTheVectorUnit) {
  Verilated<Vlane_alu> rtl;
  VectorUnit model;
  isa::Vector v;
  v.op = op();
  v.loops[7] = kRows;
  rtl->op_i = static_cast<CData>(op());
  for (int batch = 0; batch < 8; ++batch) {
    Words a(kRows * kLanes), b(a), c(a);
    fill(a, b, c);
    const Words expected = model.run(v, a, b, c);
    for (std::size_t k = 0; k < a.size(); ++k) {
      rtl->a_i = a[k];
      rtl->b_i = b[k];
      rtl->c_i = c[k];
      rtl->random_i = models::random_word(model.key(), static_cast<std::uint32_t>(k));
      rtl->eval();
      ASSERT_EQ(rtl->result_o, expected[k])
          << isa::name(op()) << std::hex << " " << a[k] << ", " << b[k] << ", " << c[k];
    }
  }
}

class LaneFold : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Reductions, LaneFold,
                         ::testing::Range(0, static_cast<int>(isa::Reduction::kArgmax) + 1),
                         [](const auto& param) {
                           return std::string(isa::name(static_cast<isa::Reduction>(param.param)));
                         });

TEST_P(LaneFold, EqualsTheVectorUnit) {
  Verilated<Vlane_fold> rtl;
  VectorUnit model;
  CornerValues values(200);
  isa::Vector v;
  v.op = isa::VectorOp::kCopy;
  v.reduction = static_cast<isa::Reduction>(GetParam());
  v.reduce = v.reduction == isa::Reduction::kNone ? 0 : 1;
  rtl->reduction_i = static_cast<CData>(v.reduction);
  for (const int length : {1, 2, 3, 8, 64, kRows}) {
    v.loops[6] = static_cast<std::uint16_t>(kRows / length);
    v.loops[7] = static_cast<std::uint16_t>(length);
    Words t(kRows * kLanes);
    // Ordinary values fold far; special ones test comparisons.
    for (std::uint32_t& word : t)
      word = values.one_in(length + 1) ? values.fp32() : values.fp32(values.between(124, 130));
    const Words expected = model.run(v, t, t, t);
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      for (std::size_t row = 0, fold = 0; fold < v.loops[6]; ++fold)
        for (int position = 0; position < length; ++position, ++row) {
          rtl->first_i = position == 0 || v.reduce == 0 ? 1 : 0;
          rtl->t_i = t[row * kLanes + lane];
          rtl->position_i = models::bits_of_float(static_cast<float>(position));
          rtl->eval();
          rtl->acc_i = rtl->acc_o;
          rtl->best_i = rtl->best_o;
          if (position < length - 1 && v.reduce != 0) continue;
          const std::size_t out = v.reduce == 0 ? row : fold;
          ASSERT_EQ(rtl->acc_o, expected[out * kLanes + lane])
              << isa::name(v.reduction) << " of " << length << ", fold " << fold << ", lane " << lane;
        }
  }
}

}  // namespace
}  // namespace anzan::cosim::lane_alu_cosim_test
