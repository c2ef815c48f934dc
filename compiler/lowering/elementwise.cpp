// Operations that meet corresponding elements of tensors of one shape, or of one pixel that stands for all,
// tile by tile: the steps of each are those of element_sequence.cpp.
#include "compiler/lowering/elementwise.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "compiler/lowering/batch_norm.hpp"
#include "compiler/lowering/element_sequence.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class Elementwise {
 public:
  Elementwise(Lowering& low, const Op& op, std::vector<Image> sources, const Image& target,
              bool training = true)
      : low_(low), op_(op), target_(target), sources_(std::move(sources)), sequence_(low, op, training) {
    if (sequence_.reads_factors()) factors_.emplace(low, op, training);
  }

  void run() {
    const Part part = search();
    low_.take_scratchpad(lines_of_two(part));
    if (factors_) factors_->compute();
    for (int i = 0; i < 2; ++i) {
      for (const Image* image : images()) lines_[i].push_back(low_.allocate(lines_of(*image, part)));
      for (int t = 0; t < sequence_.temporaries(); ++t)
        lines_[i].push_back(low_.allocate(models::lines_of_rows(isa::Format::kFp32, part.rows())));
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
          if (sequence_.meets_channels() && part.channels < target_.c) continue;
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

  // Of one tile in all tensors, and of what stands between the steps.
  std::int64_t lines(const Part& part) const {
    std::int64_t result = sequence_.temporaries() * models::lines_of_rows(isa::Format::kFp32, part.rows());
    for (const Image* i : images()) result += lines_of(*i, part);
    return result;
  }

  // Whether the image has one pixel that stands for all of the target.
  bool stands_for_all(const Image& image) const { return image.h * image.w < target_.h * target_.w; }

  // Of a tile in one of the tensors.
  std::int64_t lines_of(const Image& image, const Part& part) const {
    const std::int64_t pixels = stands_for_all(image) ? 1 : part.pixels;
    return models::lines_of_rows(image.format, part.rows() / part.pixels * pixels);
  }

  // Sources, target.
  std::vector<const Image*> images() const {
    std::vector<const Image*> all;
    for (const Image& s : sources_) all.push_back(&s);
    all.push_back(&target_);
    return all;
  }

  void tile(const Range& pixels, const Range& bg, const Range& c) {
    const std::vector<std::int64_t>& lines = lines_[tile_++ % 2];
    tiles_.clear();
    for (std::size_t k = 0; k < lines.size(); ++k) {
      const Image* image = k < images().size() ? images()[k] : nullptr;
      const isa::Format format = image != nullptr ? image->format : isa::Format::kFp32;
      const Range x = image != nullptr && stands_for_all(*image) ? Range{0, 1} : pixels;
      tiles_.push_back(placed(make_tile({0, 1}, x, bg, c, format), lines[k]));
    }
    for (std::size_t s = 0; s < sources_.size(); ++s) low_.load(flat(sources_[s]), tiles_[s]);
    const Range channels{c.begin, std::min(c.end, target_.c)};
    for (const BatchRun& run : batch_runs(target_, bg)) {
      for (const ElementSequence::Step& step : sequence_.steps()) emit(step, run, channels);
    }
    low_.store(flat(target_), tiles_[sources_.size()], channels);
  }

  // Channels that meet as many before and after them, all at once.
  void emit(const ElementSequence::Step& step, const BatchRun& run, const Range& channels) {
    if (!step.folds) return emit(step, run, channels, {0, 1});
    for (std::int64_t c = 0; c < target_.c;) {
      const std::int64_t before = std::min(c, step.before), after = std::min(target_.c - 1 - c, step.after);
      const bool whole = before == step.before && after == step.after;
      const std::int64_t end = whole ? target_.c - step.after : c + 1;
      emit(step, run, {c, end}, {c - before, c + after + 1});
      c = end;
    }
  }

  // Of these channels; operands begin at channel `near.begin` of the tile, of which each folds as many as
  // `near` has.
  void emit(const ElementSequence::Step& step, const BatchRun& run, const Range& channels,
            const Range& near) {
    const Tile& out = tiles_[sources_.size()];
    isa::Vector v;
    v.op = step.op;
    v.a = operand(step.a, run, near.begin);
    v.b = operand(step.b, run, near.begin);
    v.c = operand(step.c, run, near.begin);
    if (&step == &sequence_.steps().back()) {
      write_target(v, first_row(out, run));
    } else {
      writes_to(v, isa::Format::kFp32, step.words);
      v.o = at(first_row(temporary(step.out.number), run) + (step.folds ? channels.begin : 0));
    }
    v.mask = lane_mask(0, run.images);
    v.x = indices(target_.index(0, out.x.begin, run.bg.begin, channels.begin), target_.image_size());
    const auto strides = [&](Axis axis, std::int64_t rows, std::int64_t index) {
      const auto of = [&](const ElementSequence::Value& value) { return walks(value, axis) ? rows : 0; };
      return Nest::Strides{of(step.a), of(step.b), of(step.c), rows, index};
    };
    Nest nest;
    nest.loop(out.x.size(), strides(Axis::kPixels, out.x_stride(), 1))
        .loop(run.bg.size(),
              strides(Axis::kBatchGroups, out.bg_stride(), target_.lanes * target_.image_size()))
        .loop(channels.size(), strides(Axis::kChannels, 1, target_.h * target_.w));
    if (step.folds) {
      v.reduction = isa::Reduction::kAdd;
      nest.fold(near.size(), {1, 1});
    }
    low_.emit(v, nest);
  }

  enum class Axis { kPixels, kBatchGroups, kChannels };

  // Whether there is a value for each place on the axis.
  bool walks(const ElementSequence::Value& value, Axis axis) const {
    using Kind = ElementSequence::Value::Kind;
    switch (value.kind) {
      case Kind::kSource:
        return axis != Axis::kPixels || !stands_for_all(sources_[static_cast<std::size_t>(value.number)]);
      case Kind::kBetween:
        return true;
      case Kind::kFactor:
        return axis == Axis::kChannels;
      case Kind::kScalar:
      case Kind::kNone:
        break;
    }
    return false;
  }

  // `channel`: how far from the tile's first one.
  isa::Operand operand(const ElementSequence::Value& value, const BatchRun& run, std::int64_t channel) const {
    using Kind = ElementSequence::Value::Kind;
    const auto number = static_cast<std::size_t>(value.number);
    switch (value.kind) {
      case Kind::kSource:
        return rows(sources_[number], first_row(tiles_[number], run) + channel);
      case Kind::kBetween:
        return rows(isa::Format::kFp32, kConstantSlot, first_row(temporary(value.number), run) + channel);
      case Kind::kFactor:
        return factors_->of(number, tiles_[sources_.size()].c.begin + channel);
      case Kind::kScalar:
        return scalar(value.number);
      case Kind::kNone:
        break;
    }
    return {};
  }

  const Tile& temporary(int number) const {
    return tiles_[sources_.size() + 1 + static_cast<std::size_t>(number)];
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

  Lowering& low_;
  const Op& op_;
  Image target_;
  std::vector<Image> sources_;
  ElementSequence sequence_;
  std::optional<BatchNormFactors> factors_;
  std::vector<std::int64_t> lines_[2];  // of the tiles of the sources, the target, the temporaries
  std::vector<Tile> tiles_;             // of them, now
  int tile_ = 0;
};

}  // namespace

void lower_elementwise(Lowering& low, const Op& op) { lower_elementwise(low, op, true); }
void lower_elementwise(Lowering& low, const Op& op, bool training) {
  std::vector<Image> sources;
  for (const int input : op.inputs) {
    if (low.graph().tensor(input).layout == TensorInfo::Layout::kImages) sources.push_back(low.image(input));
  }
  Elementwise(low, op, std::move(sources), low.image(op.outputs[0]), training).run();
}

void lower_concat(Lowering& low, const Op& op) {
  const Image target = low.image(op.outputs[0]);
  std::int64_t first = 0;
  for (const int input : op.inputs) {
    const Image source = low.image(input);
    Elementwise(low, op, {source}, channels_of(target, first, source.c)).run();
    first += source.c;
  }
}

void lower_concat_backward(Lowering& low, const Op& op) {
  const Image target = low.image(op.outputs[0]);
  Elementwise(low, op, {channels_of(low.image(op.inputs[0]), op.first_channel, target.c)}, target).run();
}

}  // namespace anzan::compiler
