// The formulas of timing.hpp.
#include "models/timing.hpp"

#include <algorithm>
#include <variant>

#include "models/number_format.hpp"

namespace anzan::models {

std::int64_t fetch_cycles(const isa::Instruction& instruction, int lanes) {
  return (isa::kInstructions[instruction.index()].words + lanes - 1) / lanes;
}

std::int64_t iterations(const std::array<std::uint16_t, isa::kLoops>& loops, int first, int last) {
  std::int64_t n = 1;
  for (int k = first; k < last; ++k) n *= loops[static_cast<std::size_t>(k)];
  return n;
}

namespace {

// The address generator passes from tile to tile in two cycles.
constexpr std::int64_t kShortestTile = 2;

}  // namespace

TensorTiming tensor_timing(const isa::Tensor& t) {
  const int outer = isa::kLoops - t.reduce;
  const std::int64_t spilled = accumulator_lines(t.format, t.row_count);
  TensorTiming timing;
  timing.start = t.init == isa::Init::kSpill ? spilled : 0;
  timing.steps = iterations(t.loops, outer, isa::kLoops);
  timing.tiles.blocks = iterations(t.loops, 0, outer);
  timing.tiles.in = std::max(kShortestTile, timing.start + timing.steps);
  timing.tiles.out = t.spill != 0 ? spilled : t.row_count;
  return timing;
}

BlockPipeline transpose_timing(const isa::Transpose& t) {
  return {iterations(t.loops, 0, isa::kLoops), t.src_rows, t.dst_rows};
}

bool merges(const isa::Instruction& instruction) {
  if (const auto* t = std::get_if<isa::Tensor>(&instruction)) return t->analyse != 0 && t->spill == 0;
  if (const auto* v = std::get_if<isa::Vector>(&instruction)) return v->analyse != 0;
  return false;
}

bool uses_hbm(const isa::Instruction& instruction) {
  const auto* c = std::get_if<isa::Copy>(&instruction);
  return c != nullptr && (c->src_space == isa::Space::kHbm || c->dst_space == isa::Space::kHbm);
}

namespace {

// A row is read, passes one register, and is written: two cycles after its address.
constexpr int kMoveCycles = 2;

struct Work {
  std::int64_t operator()(const isa::End&) const { return 0; }
  std::int64_t operator()(const isa::Update&) const { return kUpdateCycles; }
  std::int64_t operator()(const isa::Settle&) const { return kSettleCycles; }
  std::int64_t operator()(const isa::Take&) const { return kTakeCycles; }
  std::int64_t operator()(const isa::Give&) const { return kGiveCycles; }
  std::int64_t operator()(const isa::Tensor& t) const {
    // The first row of a tile can leave when its last step has passed the pipeline.
    return isa::kSetupCycles + tensor_timing(t).tiles.cycles() + isa::kTensorPipelineCycles - 1 +
           isa::kWriteBackCycles - 1;
  }
  std::int64_t operator()(const isa::Vector& v) const {
    return isa::kSetupCycles + iterations(v.loops, 0, isa::kLoops) + isa::kVectorPipelineCycles - 1 +
           isa::kWriteBackCycles;
  }
  std::int64_t operator()(const isa::Transpose& t) const {
    return isa::kDmaSetupCycles + transpose_timing(t).cycles() + 1;
  }
  std::int64_t operator()(const isa::Copy& c) const { return move(c); }
  std::int64_t operator()(const isa::Put& p) const { return move(p); }

 private:
  template <class Move>
  static std::int64_t move(const Move& m) {
    return isa::kDmaSetupCycles + iterations(m.loops, 0, isa::kLoops) + kMoveCycles;
  }
};

}  // namespace

std::int64_t work_cycles(const isa::Instruction& instruction) { return std::visit(Work{}, instruction); }

std::int64_t estimated_cycles(const isa::Instruction& instruction) {
  return work_cycles(instruction) + (merges(instruction) ? kMergeCycles : 0);
}

}  // namespace anzan::models
