// Watching is free: with and without statistics, every instruction works the same cycles, and with them only
// the merges into the database come after.
#include <gtest/gtest.h>

#include "compiler/compiler.hpp"
#include "models/clocked/core.hpp"
#include "models/timing.hpp"
#include "sim/configuration/configuration.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim::watching_test {
namespace {

// The same program, and nothing is counted.
isa::Program unwatched(isa::Program program) {
  for (isa::Instruction& i : program) {
    if (auto* t = std::get_if<isa::Tensor>(&i)) t->analyse = 0;
    if (auto* v = std::get_if<isa::Vector>(&i)) v->analyse = 0;
  }
  return program;
}

TEST(Watching, TakesNoTimeButTheMerges) {
  for (const char* preset : {"int8", "int16"}) {
    nlohmann::json json = testing::small_configuration({{"kind", "mnist"}});
    json["precision"]["preset"] = preset;
    const Configuration c = parse_configuration(json, ".");
    const compiler::CompiledModel model = compiler::compile(c.input());
    const isa::Program watched = isa::decode(model.programs[compiler::ProgramKind::kStep]),
                       blind = unwatched(watched);
    models::clocked::ClockedCore core(c.cost.core);
    const models::ProgramTiming with = core.run(watched), without = core.run(blind);
    std::int64_t merges = 0;
    for (std::size_t i = 0; i < watched.size(); ++i) {
      const models::InstructionTiming &w = with.instructions[i], &b = without.instructions[i];
      if (isa::unit(watched[i]) != isa::Unit::kTensor && isa::unit(watched[i]) != isa::Unit::kVector)
        continue;
      ASSERT_EQ(w.worked - w.started, b.worked - b.started) << i;
      ASSERT_EQ(b.ended, b.worked) << i;
      if (!models::merges(watched[i])) {
        ASSERT_EQ(w.ended, w.worked) << i;
        continue;
      }
      ++merges;
      ASSERT_GE(w.ended - w.worked, models::kMergeCycles) << i;
    }
    EXPECT_GT(merges, 20);
    // merges wait for each other, and units for the database only where a merge is all they have to do
    EXPECT_LE(with.cycles - without.cycles, merges * models::kMergeCycles + with.database_wait_cycles);
    EXPECT_GT(with.cycles, without.cycles);
  }
}

}  // namespace
}  // namespace anzan::sim::watching_test
