// Operations that meet corresponding elements of tensors of one shape: ReLU, leaky ReLU and their gradients,
// residual addition, requantising copies.
#include "compiler/lowering/elementwise.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "compiler/lowering/batch_norm.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class Elementwise {
 public:
  Elementwise(Lowering& low, const Op& op, bool training)
      : low_(low), op_(op), target_(low.image(op.outputs[0])) {
    for (int input : op.inputs)
      if (low.graph().tensor(input).layout == TensorInfo::Layout::kImages)
        sources_.push_back(low.image(input));
    if (op.kind == OpKind::kBatchNorm || op.kind == OpKind::kBatchNormBackward)
      factors_.emplace(low, op, training);
  }

  void run() {
    const Part part = search();
    low_.take_scratchpad(lines_of_two(part));
    if (factors_) factors_->compute();
    for (int i = 0; i < 2; ++i) {
      for (const Image& s : sources_)
        lines_[i].push_back(low_.allocate(models::lines_of_rows(s.format, part.rows())));
      lines_[i].push_back(low_.allocate(models::lines_of_rows(target_.format, part.rows())));
      lines_[i].push_back(low_.allocate(lines_between(part)));
    }
    // pixels are walked as one axis: all tensors have the same layout
    for (const Range& pixels : pieces(target_.h * target_.w, part.pixels)) {
      for (const Range& bg : pieces(target_.batch_groups, part.batch_groups)) {
        for (const Range& c : pieces(align_channels(target_.c), part.channels)) tile(pixels, bg, c);
      }
    }
  }

 private:
  // What a tile covers.
  struct Part {
    std::int64_t pixels = 0, batch_groups = 0, channels = 0;
    std::int64_t rows() const { return pixels * batch_groups * channels; }
  };

  // The largest part of which two fit.
  Part search() const {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const std::int64_t room : {low_.room().beside_updates, low_.capacity()}) {
      if (const std::optional<Part> part = search(room, least)) return *part;
    }
    throw low_.too_small(
        least, std::string("the smallest tile of ") + name(op_.kind) + " in " + low_.graph().layer(op_).name);
  }

  // In so many lines; `least` becomes what the smallest takes.
  std::optional<Part> search(std::int64_t room, std::int64_t& least) const {
    for (std::int64_t bg : halvings(target_.batch_groups)) {
      for (std::int64_t blocks : halvings(align_channels(target_.c) / kChannelAlignment)) {
        for (std::int64_t pixels : halvings(target_.h * target_.w)) {
          if (pixels > 1 && (bg != target_.batch_groups || blocks * kChannelAlignment < target_.c)) continue;
          const Part part{pixels, bg, blocks * kChannelAlignment};
          least = std::min(least, lines_of_two(part));
          if (lines_of_two(part) <= room) return part;
        }
      }
    }
    return std::nullopt;
  }

  std::int64_t lines_of_two(const Part& part) const {
    return 2 * lines(part) + (factors_ ? factors_->lines() : 0);
  }

  // Of one tile in all tensors.
  std::int64_t lines(const Part& part) const {
    std::int64_t result = models::lines_of_rows(target_.format, part.rows());
    for (const Image& s : sources_) result += models::lines_of_rows(s.format, part.rows());
    return result + lines_between(part);
  }

  // Of what stands between the instructions of an operation that takes several: FP32.
  std::int64_t lines_between(const Part& part) const {
    const bool several = op_.kind == OpKind::kLeakyRelu || op_.kind == OpKind::kLeakyReluBackward ||
                         op_.kind == OpKind::kBatchNormBackward;
    return several ? models::lines_of_rows(isa::Format::kFp32, part.rows()) : 0;
  }

  void tile(const Range& pixels, const Range& bg, const Range& c) {
    const std::vector<std::int64_t>& lines = lines_[tile_++ % 2];
    const auto tile_of = [&](isa::Format format, std::int64_t line) {
      return placed(make_tile({0, 1}, pixels, bg, c, format), line);
    };
    std::vector<Tile> in;
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      in.push_back(tile_of(sources_[s].format, lines[s]));
      low_.load(flat(sources_[s]), in.back());
    }
    const Tile out = tile_of(target_.format, lines[in.size()]);
    const Tile between = tile_of(isa::Format::kFp32, lines[in.size() + 1]);
    const Range channels{c.begin, std::min(c.end, target_.c)};
    for (const BatchRun& run : batch_runs(target_, bg)) {
      std::vector<isa::Vector> steps = operation(in, between, run, c.begin);
      for (isa::Vector& v : steps) {
        if (&v == &steps.back()) {
          write_target(v, first_row(out, run));
        } else {
          writes_to(v, between.format, kConstantSlot);
          v.o = at(first_row(between, run));
        }
        v.mask = lane_mask(0, run.images);
        v.x = indices(target_.index(0, pixels.begin, run.bg.begin, c.begin), target_.image_size());
        const auto strides = [&v](std::int64_t rows, std::int64_t index, std::int64_t elements) {
          // numbers of channels go on with the channels; scalars and absent operands do not walk
          const auto of = [rows, elements](const isa::Operand& o) {
            if (o.kind == isa::OperandKind::kBroadcast) return elements;
            return o.kind == isa::OperandKind::kRows ? rows : 0;
          };
          return Nest::Strides{of(v.a), of(v.b), of(v.c), rows, index};
        };
        low_.emit(v,
                  Nest()
                      .loop(pixels.size(), strides(out.x_stride(), 1, 0))
                      .loop(run.bg.size(), strides(out.bg_stride(), target_.lanes * target_.image_size(), 0))
                      .loop(channels.size(), strides(1, target_.h * target_.w, 1)));
      }
    }
    low_.store(flat(target_), out, channels);
  }

  static std::int64_t first_row(const Tile& t, const BatchRun& run) {
    return t.row(t.y.begin, t.x.begin, run.bg.begin, t.c.begin);
  }

  void write_target(isa::Vector& v, std::int64_t row) {
    if (target_.tensor->selects || target_.tensor == sources_[0].tensor) {
      writes_to(v, target_);  // a selection of values that have been counted
    } else {
      low_.produces(v, target_);
    }
    v.relu = op_.kind == OpKind::kRelu || op_.relu ? 1 : 0;
    v.o = at(row);
  }

  static isa::Vector instruction(isa::VectorOp op, const isa::Operand& a, const isa::Operand& b = {},
                                 const isa::Operand& c = {}) {
    isa::Vector v;
    v.op = op;
    v.a = a;
    v.b = b;
    v.c = c;
    return v;
  }

  // All but the last write to `between`, that one to the target.
  std::vector<isa::Vector> operation(const std::vector<Tile>& in, const Tile& between, const BatchRun& run,
                                     std::int64_t channel) {
    using isa::VectorOp;
    const auto source = [&](std::size_t s) { return rows(sources_[s], first_row(in[s], run)); };
    const auto number = [&](double value) { return scalar(low_.scalar(static_cast<float>(value))); };
    const isa::Operand so_far = rows(between.format, kConstantSlot, first_row(between, run));
    const double slope = low_.graph().layer(op_).negative_slope;
    switch (op_.kind) {
      case OpKind::kRelu:
      case OpKind::kCopy:
        return {instruction(VectorOp::kCopy, source(0))};
      case OpKind::kAdd:
        return {instruction(VectorOp::kAdd, source(0), source(1))};
      case OpKind::kBatchNorm:
        return {instruction(VectorOp::kFma, source(0), factors_->of(0, channel), factors_->of(1, channel))};
      case OpKind::kBatchNormBackward:
        return {instruction(VectorOp::kFma, source(1), factors_->of(1, channel), factors_->of(2, channel)),
                instruction(VectorOp::kFma, source(0), factors_->of(0, channel), so_far)};
      case OpKind::kReluBackward:  // dy where y > 0
        return {instruction(VectorOp::kSelectGt, source(1), number(0), source(0))};
      case OpKind::kLeakyRelu:  // the larger of x and slope x: the slope is at most 1
        return {instruction(VectorOp::kMul, source(0), number(slope)),
                instruction(VectorOp::kMax, source(0), so_far)};
      case OpKind::kLeakyReluBackward:  // dy times the larger of (x > 0 ? 1 : 0) and the slope
        return {instruction(VectorOp::kSelectGt, source(1), number(0), number(1)),
                instruction(VectorOp::kMax, so_far, number(slope)),
                instruction(VectorOp::kMul, source(0), so_far)};
      default:
        throw std::logic_error(std::string("not element by element: ") + name(op_.kind));
    }
  }

  Lowering& low_;
  const Op& op_;
  Image target_;
  std::vector<Image> sources_;
  std::optional<BatchNormFactors> factors_;
  std::vector<std::int64_t> lines_[2];  // of the tiles of the sources, the target, and what is between
  int tile_ = 0;
};

}  // namespace

void lower_elementwise(Lowering& low, const Op& op) { lower_elementwise(low, op, true); }
void lower_elementwise(Lowering& low, const Op& op, bool training) { Elementwise(low, op, training).run(); }

}  // namespace anzan::compiler
