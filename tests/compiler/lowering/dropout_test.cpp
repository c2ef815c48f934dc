// The random words of a dropout: by which programs they are drawn, and of which slot.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <variant>
#include <vector>

#include "compiler/compiler.hpp"
#include "isa/program.hpp"
#include "tests/compiler/test_chip.hpp"

namespace anzan::compiler::dropout_test {
namespace {

CompiledModel model() {
  Input in;
  in.network = parse_network(nlohmann::json::parse(R"({
    "input": {"channels": 5, "height": 6, "width": 7},
    "layers": [{"name": "c", "type": "convolution", "channels": 9, "kernel": 3},
               {"name": "d", "type": "dropout", "rate": 0.25},
               {"name": "f", "type": "fully_connected", "channels": 4},
               {"name": "loss", "type": "softmax_cross_entropy"}]})"));
  in.precision = testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic);
  in.training.batch = 40;
  return compile(in);
}

std::vector<isa::Vector> draws(const CompiledModel& m, ProgramKind kind) {
  std::vector<isa::Vector> found;
  for (const isa::Instruction& i : isa::decode(m.programs[kind])) {
    const auto* v = std::get_if<isa::Vector>(&i);
    if (v != nullptr && v->op == isa::VectorOp::kRandom) found.push_back(*v);
  }
  return found;
}

TEST(Dropout, DrawsWordsOfItsOwnForwardAndTheSameBack) {
  const CompiledModel m = model();
  const std::vector<isa::Vector> found = draws(m, ProgramKind::kStep);
  ASSERT_GT(found.size(), 0U);
  const auto slot = found.front().slot_o;
  EXPECT_EQ(m.slots.at(slot).name, "d.mask");
  for (const TensorInfo& t : m.tensors) EXPECT_NE(t.slot, slot) << t.name;
  std::vector<std::uint32_t> firsts;
  for (const isa::Vector& v : found) {
    EXPECT_EQ(v.slot_o, slot);
    EXPECT_EQ(v.analyse, 0);
    firsts.push_back(v.x.base);
  }
  for (const std::uint32_t first : firsts) EXPECT_EQ(std::count(firsts.begin(), firsts.end(), first) % 2, 0);
}

TEST(Dropout, IsACopyWhereNothingIsTrained) {
  const CompiledModel m = model();
  EXPECT_GT(draws(m, ProgramKind::kCalibrate).size(), 0U);
  EXPECT_EQ(draws(m, ProgramKind::kEvaluate).size(), 0U);
}

}  // namespace
}  // namespace anzan::compiler::dropout_test
