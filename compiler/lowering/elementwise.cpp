// Operations that meet corresponding elements of tensors of one shape: ReLU and its gradient, residual
// addition, requantising copies.
#include <algorithm>
#include <array>
#include <limits>

#include "compiler/input/input_error.hpp"
#include "compiler/lowering/lowering.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class Elementwise {
 public:
  Elementwise(Lowering& low, const Op& op) : low_(low), op_(op), target_(low.image(op.outputs[0])) {
    for (int input : op.inputs) sources_.push_back(low.image(input));
  }

  void run() {
    const Range part = search();
    low_.take_scratchpad(2 * tile_lines());
    for (int i = 0; i < 2; ++i) {
      for (const Image& s : sources_)
        lines_[i].push_back(low_.allocate(ceil_div(rows_, models::elements_per_word(s.format))));
      lines_[i].push_back(low_.allocate(ceil_div(rows_, models::elements_per_word(target_.format))));
    }
    // pixels are walked as one axis: all tensors have the same layout
    for (const Range& pixels : pieces(target_.h * target_.w, part.begin)) {
      for (const Range& bg : pieces(target_.batch_groups, bg_)) {
        for (const Range& c : pieces(align_channels(target_.c), part.end)) tile(pixels, bg, c);
      }
    }
  }

 private:
  // Largest tile that fits: (pixels, channels), batch groups in bg_.
  Range search() {
    for (const std::int64_t room : {low_.room().beside_updates, low_.capacity()}) {
      const Range part = search(room);
      if (part.end > 0) return part;
    }
    throw InputError("/chip/scratchpad_kib", std::to_string(low_.capacity()) + " lines",
                     "at least " + std::to_string(least_) + " lines for the smallest element-wise tile");
  }

  Range search(std::int64_t room) {
    for (std::int64_t bg : halvings(target_.batch_groups)) {
      for (std::int64_t blocks : halvings(align_channels(target_.c) / kChannelAlignment)) {
        for (std::int64_t pixels : halvings(target_.h * target_.w)) {
          if (pixels > 1 && (bg != target_.batch_groups || blocks * kChannelAlignment < target_.c)) continue;
          rows_ = pixels * bg * blocks * kChannelAlignment;
          const std::int64_t lines = tile_lines();
          least_ = std::min(least_, 2 * lines);
          if (2 * lines > room) continue;
          bg_ = bg;
          return {pixels, blocks * kChannelAlignment};
        }
      }
    }
    return {};
  }

  std::int64_t tile_lines() const {
    std::int64_t lines = ceil_div(rows_, models::elements_per_word(target_.format));
    for (const Image& s : sources_) lines += ceil_div(rows_, models::elements_per_word(s.format));
    return lines;
  }

  // A tensor with its pixels as one axis.
  static Image flat(Image i) {
    i.w *= i.h;
    i.h = 1;
    return i;
  }

  void tile(const Range& pixels, const Range& bg, const Range& c) {
    const int which = tile_++ % 2;
    std::vector<Tile> in;
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      Tile t = make_tile({0, 1}, pixels, bg, c, sources_[s].format);
      t.base_row = lines_[which][s] * models::elements_per_word(t.format);
      low_.load(flat(sources_[s]), t);
      in.push_back(t);
    }
    Tile out = make_tile({0, 1}, pixels, bg, c, target_.format);
    out.base_row = lines_[which].back() * models::elements_per_word(out.format);
    const std::int64_t channels = std::min(c.end, target_.c) - c.begin;
    for (const BatchRun& run : batch_runs(target_, bg)) {
      isa::Vector v = operation(in, pixels, run, c);
      const Image d = flat(target_);
      v.mask = lane_mask(0, run.images);
      v.out_format = d.format;
      v.slot_o = static_cast<std::uint16_t>(d.slot);
      v.o = at(out.row(0, pixels.begin, run.bg.begin, c.begin));
      v.x.base = static_cast<std::uint32_t>(target_.index(0, pixels.begin, run.bg.begin, c.begin));
      v.x.lane_stride = static_cast<std::int32_t>(target_.image_size());
      const std::int64_t px = out.x_stride(), b = out.bg_stride();
      Nest()
          .loop(pixels.size(), {px, px, px, px, 1})
          .loop(run.bg.size(), {b, b, b, b, target_.lanes * target_.image_size()})
          .loop(channels, {1, 1, 1, 1, target_.h * target_.w})
          .finish(v);
      clear_unused(v);
      low_.emit(v);
    }
    low_.store(flat(target_), out, c.begin, std::min(c.end, target_.c));
  }

  // Scalars and absent operands do not walk.
  static void clear_unused(isa::Vector& v) {
    for (isa::Operand* o : {&v.a, &v.b, &v.c}) {
      if (o->kind != isa::OperandKind::kRows) o->at.stride.fill(0);
    }
  }

  isa::Operand rows(std::size_t s, const std::vector<Tile>& in, const Range& pixels, const BatchRun& run,
                    const Range& c) const {
    isa::Operand o;
    o.kind = isa::OperandKind::kRows;
    o.format = sources_[s].format;
    o.slot = static_cast<std::uint16_t>(sources_[s].slot);
    o.at = at(in[s].row(0, pixels.begin, run.bg.begin, c.begin));
    return o;
  }

  isa::Vector operation(const std::vector<Tile>& in, const Range& pixels, const BatchRun& run,
                        const Range& c) {
    isa::Vector v;
    const bool selection = target_.slot == sources_[0].slot;
    v.analyse = !selection && low_.analyses(target_.slot, target_.format) ? 1 : 0;
    v.relu = op_.kind == OpKind::kRelu || op_.relu ? 1 : 0;
    v.a = rows(0, in, pixels, run, c);
    switch (op_.kind) {
      case OpKind::kAdd:
        v.op = isa::VectorOp::kAdd;
        v.b = rows(1, in, pixels, run, c);
        break;
      case OpKind::kReluBackward:  // dy where y > 0
        v.op = isa::VectorOp::kSelectGt;
        v.c = v.a;
        v.a = rows(1, in, pixels, run, c);
        v.b.kind = isa::OperandKind::kScalar;
        v.b.format = isa::Format::kFp32;
        v.b.at = at(low_.scalar(0.0f));
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
  std::int64_t bg_ = 1, rows_ = 0;
  std::int64_t least_ = std::numeric_limits<std::int64_t>::max();  // lines of any tile
  std::vector<std::int64_t> lines_[2];
  int tile_ = 0;
};

}  // namespace

void lower_elementwise(Lowering& low, const Op& op) { Elementwise(low, op).run(); }

}  // namespace anzan::compiler
