// Parameters, their gradients and moments, walked piece by piece through the scratchpad.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// A run of neighbouring blocks of a parameter whose rows use the same lanes: weights are (group, block of
// input channels) x taps x output channels; a block of biases is a single row.
struct ParameterRun {
  std::int64_t row = 0;  // first row of the run in the tensor
  std::int64_t blocks = 1, taps = 1, pitch = 1;
  Range rows, lanes;       // rows of a tap, lanes that hold elements
  std::int64_t index = 0;  // logical index of block 0, tap 0, row 0, lane 0
  std::int64_t block_index = 0, tap_index = 0, row_index = 0, lane_index = 0;
  std::int64_t block_rows() const { return taps * pitch; }
  bool continued_by(const ParameterRun& r) const {
    return r.row == row + blocks * block_rows() && r.rows.begin == rows.begin && r.rows.end == rows.end &&
           r.lanes.begin == lanes.begin && r.lanes.end == lanes.end &&
           r.index == index + blocks * block_index;
  }
};
std::vector<ParameterRun> parameter_runs(const TensorInfo& tensor);

// Whether any of these rows of a parameter, or of its gradient, holds an element: an update reads no other.
bool holds_elements(const TensorInfo& tensor, const Range& rows);

// Rows of a gradient that another operation has left in the scratchpad, or, without a reader, in HBM.
struct GradientRows {
  Range rows;                       // of the tensor, the first a multiple of kChannelAlignment
  std::int64_t scratchpad_row = 0;  // of the first, counted in the gradient's format
  std::function<Exchanged(const isa::Vector&)> reader;  // what each instruction that reads them needs beside
  bool at_hand() const { return static_cast<bool>(reader); }
};

// Walks rows of a parameter piece by piece through the scratchpad: the same rows of several tensors of one
// layout; all, or some. Those of the first may be there already.
class ParameterWalk {
 public:
  // `lines`: of the caller's own, beside the pieces.
  struct Room {
    std::int64_t scratch_buffers = 0, lines = 0;
  };
  ParameterWalk(Lowering& low, std::vector<const TensorInfo*> tensors, Room room,
                const GradientRows* gradient = nullptr);

  std::int64_t own_line(std::int64_t number) const { return own_lines_ + number; }

  // visit(piece) for each piece: it emits loads, vector instructions and stores.
  template <class Visit>
  void run(Visit&& visit) {
    for (const ParameterRun& r : parameter_runs(*tensors_[0])) {
      run_ = &r;
      const std::int64_t begin = std::max<std::int64_t>(0, all_.begin - r.row),
                         end = std::min(r.blocks * r.block_rows(), all_.end - r.row);
      in_parts(
          {begin, end}, r.block_rows(), [&](Range blocks) { walk_blocks(blocks, visit); },
          [&](std::int64_t block, Range rows) {
            in_parts(
                rows, r.pitch, [&](Range taps) { walk_taps(block, taps, visit); },
                [&](std::int64_t tap, Range part) { walk_rows(block, tap, part, visit); });
          });
    }
  }

  // The current piece: taps `pitch` rows apart, of each as many rows with elements, and whether these are all
  // from the first one, or up to the last one, of their tap. A vector has taps of one row.
  struct Piece {
    std::int64_t taps, pitch, rows;
    bool begins, ends;
    isa::Mask mask;
  };
  Piece piece() const {
    return {blocks_.size() * taps_.size(),
            run_->pitch,
            used_.size(),
            used_.begin == run_->rows.begin,
            used_.end == run_->rows.end,
            lane_mask(run_->lanes.begin, run_->lanes.size())};
  }

  // Loads rows of tensor number `t` of the current piece.
  void load(std::size_t t) {
    if (t >= first_moved()) move(t, true);
  }
  void store(std::size_t t) { move(t, false); }

  // A row stream over the piece in buffer number `b` (tensors first, then FP32 scratch).
  isa::Operand operand(std::size_t b) const {
    if (b < tensors_.size()) return rows(tensors_[b]->format, tensors_[b]->slot, row(b));
    return rows(isa::Format::kFp32, 0, row(b));
  }

  struct Operands {
    isa::Operand a{}, b{}, c{};
  };
  // One vector instruction over the piece; operands that are rows walk with it. Values that go to a tensor
  // are counted by its slot, others by `counted`.
  void emit(isa::VectorOp op, const Operands& in, std::size_t out, int counted = kConstantSlot);

 private:
  std::size_t first_moved() const { return gradient_ != nullptr && gradient_->at_hand() ? 1 : 0; }

  // Cuts rows into whole stretches of `size` and the rest of the first and the last one.
  template <class Whole, class Rest>
  static void in_parts(Range rows, std::int64_t size, Whole&& whole, Rest&& rest) {
    if (rows.size() <= 0) return;
    const Range inside{ceil_div(rows.begin, size), rows.end / size};
    if (inside.size() < 0)
      return rest(inside.end, {rows.begin - inside.end * size, rows.end - inside.end * size});
    if (rows.begin < inside.begin * size)
      rest(inside.begin - 1, {rows.begin - (inside.begin - 1) * size, size});
    if (inside.size() > 0) whole(inside);
    if (rows.end > inside.end * size) rest(inside.end, {0, rows.end - inside.end * size});
  }

  template <class Visit>
  void walk_blocks(Range blocks, Visit&& visit) {
    if (run_->block_rows() <= rows_) {
      for (const Range& b : pieces(blocks, rows_ / run_->block_rows()))
        piece(b, {0, run_->taps}, {0, run_->pitch}, visit);
      return;
    }
    for (std::int64_t block = blocks.begin; block < blocks.end; ++block)
      walk_taps(block, {0, run_->taps}, visit);
  }

  template <class Visit>
  void walk_taps(std::int64_t block, Range taps, Visit&& visit) {
    if (run_->pitch <= rows_) {
      for (const Range& t : pieces(taps, rows_ / run_->pitch))
        piece({block, block + 1}, t, {0, run_->pitch}, visit);
      return;
    }
    for (std::int64_t tap = taps.begin; tap < taps.end; ++tap) walk_rows(block, tap, {0, run_->pitch}, visit);
  }

  template <class Visit>
  void walk_rows(std::int64_t block, std::int64_t tap, Range part, Visit&& visit) {
    for (const Range& p : pieces(part, rows_)) piece({block, block + 1}, {tap, tap + 1}, p, visit);
  }

  static std::vector<Range> pieces(Range all, std::int64_t step) {
    std::vector<Range> result;
    for (const Range& r : compiler::pieces(all.size(), step))
      result.push_back({all.begin + r.begin, all.begin + r.end});
    return result;
  }

  // Rows [part) of taps and blocks move; those of them that hold elements are worked on.
  template <class Visit>
  void piece(Range blocks, Range taps, Range part, Visit&& visit) {
    const Range used{std::max(run_->rows.begin, part.begin), std::min(run_->rows.end, part.end)};
    if (used.size() <= 0) return;
    blocks_ = blocks;
    taps_ = taps;
    used_ = used;
    const ParameterRun& r = *run_;
    first_row_ = r.row + blocks.begin * r.block_rows() + taps.begin * r.pitch + part.begin;
    moved_rows_ = taps.size() == r.taps ? blocks.size() * r.block_rows() : taps.size() * r.pitch;
    if (part.size() < r.pitch) moved_rows_ = part.size();
    offset_ = used.begin - part.begin;
    visit();
    ++count_;
  }

  // first used row of the piece in buffer b
  std::int64_t row(std::size_t b) const {
    if (b < first_moved()) return gradient_->scratchpad_row + first_row_ - all_.begin + offset_;
    return buffer_row(b) + first_row_ % alignment(b) + offset_;
  }
  // rows of narrow formats keep their place in the word, so that whole lines move
  std::int64_t alignment(std::size_t b) const {
    return b < tensors_.size() ? models::elements_per_word(tensors_[b]->format) : 1;
  }
  std::int64_t buffer_row(std::size_t b) const { return lines_[count_ % 2][b] * alignment(b); }

  void move(std::size_t t, bool in) {
    const isa::Format f = tensors_[t]->format;
    const Location hbm = in_hbm(low_.base_row(*tensors_[t]) + first_row_),
                   here = in_scratchpad(buffer_row(t) + first_row_ % alignment(t));
    low_.copy(f, in ? hbm : here, in ? here : hbm, {{moved_rows_, 1, 1}});
  }

  Lowering& low_;
  std::vector<const TensorInfo*> tensors_;
  const GradientRows* gradient_;
  Range all_;  // rows that are walked
  std::int64_t rows_ = 0;
  std::vector<std::int64_t> lines_[2];
  std::int64_t own_lines_ = 0;
  const ParameterRun* run_ = nullptr;
  Range blocks_, taps_, used_;
  std::int64_t first_row_ = 0, moved_rows_ = 0, offset_ = 0;
  int count_ = 0;
};

}  // namespace anzan::compiler
