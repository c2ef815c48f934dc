// Operations that meet corresponding elements of tensors of one shape: ReLU and its gradient, residual
// addition, requantising copies.
#include "compiler/lowering/elementwise.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class Elementwise {
 public:
  Elementwise(Lowering& low, const Op& op) : low_(low), op_(op), target_(low.image(op.outputs[0])) {
    for (int input : op.inputs) sources_.push_back(low.image(input));
  }

  void run() {
    const Part part = search();
    low_.take_scratchpad(2 * lines(part));
    for (int i = 0; i < 2; ++i) {
      for (const Image& s : sources_)
        lines_[i].push_back(low_.allocate(models::lines_of_rows(s.format, part.rows())));
      lines_[i].push_back(low_.allocate(models::lines_of_rows(target_.format, part.rows())));
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
    throw low_.too_small(least, "the smallest tile of " + low_.graph().layer(op_).name);
  }

  // In so many lines; `least` becomes what the smallest takes.
  std::optional<Part> search(std::int64_t room, std::int64_t& least) const {
    for (std::int64_t bg : halvings(target_.batch_groups)) {
      for (std::int64_t blocks : halvings(align_channels(target_.c) / kChannelAlignment)) {
        for (std::int64_t pixels : halvings(target_.h * target_.w)) {
          if (pixels > 1 && (bg != target_.batch_groups || blocks * kChannelAlignment < target_.c)) continue;
          const Part part{pixels, bg, blocks * kChannelAlignment};
          least = std::min(least, 2 * lines(part));
          if (2 * lines(part) <= room) return part;
        }
      }
    }
    return std::nullopt;
  }

  // Of one tile in all tensors.
  std::int64_t lines(const Part& part) const {
    std::int64_t result = models::lines_of_rows(target_.format, part.rows());
    for (const Image& s : sources_) result += models::lines_of_rows(s.format, part.rows());
    return result;
  }

  void tile(const Range& pixels, const Range& bg, const Range& c) {
    const std::vector<std::int64_t>& lines = lines_[tile_++ % 2];
    const auto tile_of = [&](const Image& image, std::int64_t line) {
      return placed(make_tile({0, 1}, pixels, bg, c, image.format), line);
    };
    std::vector<Tile> in;
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      in.push_back(tile_of(sources_[s], lines[s]));
      low_.load(flat(sources_[s]), in.back());
    }
    const Tile out = tile_of(target_, lines.back());
    const Range channels{c.begin, std::min(c.end, target_.c)};
    for (const BatchRun& run : batch_runs(target_, bg)) {
      isa::Vector v = operation(in, run);
      v.mask = lane_mask(0, run.images);
      v.o = at(first_row(out, run));
      v.x = indices(target_.index(0, pixels.begin, run.bg.begin, c.begin), target_.image_size());
      const std::int64_t px = out.x_stride(), b = out.bg_stride();
      Nest()
          .loop(pixels.size(), {px, px, px, px, 1})
          .loop(run.bg.size(), {b, b, b, b, target_.lanes * target_.image_size()})
          .loop(channels.size(), {1, 1, 1, 1, target_.h * target_.w})
          .finish(v);
      clear_unused(v);
      low_.emit(v);
    }
    low_.store(flat(target_), out, channels);
  }

  static std::int64_t first_row(const Tile& t, const BatchRun& run) {
    return t.row(t.y.begin, t.x.begin, run.bg.begin, t.c.begin);
  }

  // Scalars and absent operands do not walk.
  static void clear_unused(isa::Vector& v) {
    for (isa::Operand* o : {&v.a, &v.b, &v.c}) {
      if (o->kind != isa::OperandKind::kRows) o->at.stride.fill(0);
    }
  }

  isa::Vector operation(const std::vector<Tile>& in, const BatchRun& run) {
    const auto source = [&](std::size_t s) { return rows(sources_[s], first_row(in[s], run)); };
    isa::Vector v;
    if (target_.slot == sources_[0].slot) {
      writes_to(v, target_);  // a selection of values that have been counted
    } else {
      low_.produces(v, target_);
    }
    v.relu = op_.kind == OpKind::kRelu || op_.relu ? 1 : 0;
    v.a = source(0);
    switch (op_.kind) {
      case OpKind::kAdd:
        v.op = isa::VectorOp::kAdd;
        v.b = source(1);
        break;
      case OpKind::kReluBackward:  // dy where y > 0
        v.op = isa::VectorOp::kSelectGt;
        v.a = source(1);
        v.b = scalar(low_.scalar(0.0f));
        v.c = source(0);
        break;
      default:
        v.op = isa::VectorOp::kCopy;
        break;
    }
    return v;
  }

  Lowering& low_;
  const Op& op_;
  Image target_;
  std::vector<Image> sources_;
  std::vector<std::int64_t> lines_[2];  // of the tiles of the sources, then of the target
  int tile_ = 0;
};

}  // namespace

void lower_elementwise(Lowering& low, const Op& op) { Elementwise(low, op).run(); }

}  // namespace anzan::compiler
