// Layers that slide windows over pixels: convolutions and averages as products of matrices, maxima tap by
// tap.
#include "tests/reference/double_windows.hpp"

#include <algorithm>
#include <vector>

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

Index area(const Layer& l) { return l.y.kernel * l.x.kernel; }

// An average pool is a convolution of each channel for itself: a sum of shares.
bool averages(const Layer& l) {
  return l.kind == LayerKind::kAveragePool || l.kind == LayerKind::kGlobalAveragePool;
}
Index groups(const Layer& l) { return averages(l) ? l.in.channels : l.groups; }

// The pixel that a tap of a window meets.
Index place(const compiler::WindowAxis& w, Index position, Index tap) {
  return position * w.stride + tap * w.dilation - w.pad;
}

// Taps on one axis by which an average is divided.
Index counted(const compiler::WindowAxis& w, Index position, Index input, bool padding) {
  Index taps = 0;
  for (Index k = 0; k < w.kernel; ++k) {
    const Index at = place(w, position, k);
    taps += at >= (padding ? -w.pad : 0) && at < input + (padding ? w.pad_end : 0);
  }
  return taps;
}

// The part of an average that each tap of its window brings, in every one of `rows` rows.
Array shares(const Layer& l, Index rows) {
  Array result(rows, pixels(l.out));
  for (Index oy = 0; oy < l.out.height; ++oy)
    for (Index ox = 0; ox < l.out.width; ++ox) {
      const double share = 1 / static_cast<double>(counted(l.y, oy, l.in.height, l.count_include_pad) *
                                                   counted(l.x, ox, l.in.width, l.count_include_pad));
      for (Index row = 0; row < rows; ++row) result(row, oy * l.out.width + ox) = share;
    }
  return result;
}

// The taps of a layer's windows (im2col): activations of `planes` rows become planes x area rows, one for
// every tap, with a column for every output pixel.
class Windows {
 public:
  explicit Windows(const Layer& l) : area_(area(l)), pixels_in_(pixels(l.in)), pixels_out_(pixels(l.out)) {
    for (Index ky = 0, tap = 0; ky < l.y.kernel; ++ky)
      for (Index kx = 0; kx < l.x.kernel; ++kx)
        for (Index oy = 0; oy < l.out.height; ++oy)
          for (Index ox = 0; ox < l.out.width; ++ox, ++tap) {
            const Index y = place(l.y, oy, ky), x = place(l.x, ox, kx);
            if (y < 0 || y >= l.in.height || x < 0 || x >= l.in.width) continue;
            reads_.push_back({tap, y * l.in.width + x});
          }
  }
  // Padding is 0.
  Bounded taps(const Bounded& x) const {
    return x.each([&](const Array& a) {
      Array result(a.rows(), area_ * pixels_out_);
      for (Index plane = 0; plane < a.rows(); ++plane)
        for (const Read& read : reads_) result(plane, read.tap) = a(plane, read.pixel);
      return result.reshaped(a.rows() * area_);
    });
  }
  // The way back: the sum of the taps that read a pixel.
  BoundedSums fold(const BoundedSums& taps) const {
    return taps.each([&](const Array& a) {
      const Array by_plane = a.reshaped(a.rows() / area_);
      Array result(by_plane.rows(), pixels_in_);
      for (Index plane = 0; plane < by_plane.rows(); ++plane)
        for (const Read& read : reads_) result(plane, read.pixel) += by_plane(plane, read.tap);
      return result;
    });
  }

 private:
  struct Read {
    Index tap, pixel;  // (ky, kx, output pixel), of the input
  };
  Index area_, pixels_in_, pixels_out_;
  std::vector<Read> reads_;
};

// Calls visit(rows of the weights, rows of the taps, rows of the output) for every group of every image.
template <class Visit>
void visit_groups(const Layer& l, Index batch, const Visit& visit) {
  const Index out = l.out.channels / groups(l), taps = l.in.channels / groups(l) * area(l);
  for (Index n = 0; n < batch; ++n)
    for (Index g = 0; g < groups(l); ++g) {
      const Index image_and_group = n * groups(l) + g;
      visit(Rows{g * out, out}, Rows{image_and_group * taps, taps}, Rows{image_and_group * out, out});
    }
}

// The taps of one window.
struct WindowTaps {
  Index first, count, pixel;
};

Index first_largest(const Bounded& taps, const WindowTaps& w) {
  Index best = -1;
  for (Index k = w.first; k < w.first + w.count; ++k) {
    if (taps.present(k, w.pixel) > 0 && (best < 0 || taps.value(k, w.pixel) > taps.value(best, w.pixel)))
      best = k;
  }
  return best;
}

bool has_weights(const Layer& l) {
  return l.kind == LayerKind::kConvolution || l.kind == LayerKind::kFullyConnected;
}

Bounded ones(Index rows, Index columns) { return Bounded::exact(Array(rows, columns, 1)); }

Bounded weights_of(const DoubleState& s, const Layer& l) {
  if (has_weights(l)) return s.given(l.name + ".weight", l.out.channels, l.in.channels / l.groups * area(l));
  return ones(l.out.channels, area(l));
}

}  // namespace

Bounded contraction_forward(const DoubleState& s, const Layer& l) {
  const Bounded w = weights_of(s, l);
  Bounded x = Windows(l).taps(s.input(l));
  if (averages(l)) x = times(x, shares(l, x.value.rows()));
  BoundedSums y = BoundedSums::zero(s.settings.batch * l.out.channels, pixels(l.out));
  if (l.bias) {
    const BoundedSums bias = product(s.given(l.name + ".bias", l.out.channels, 1), ones(1, pixels(l.out)));
    for (Index n = 0; n < s.settings.batch; ++n) y.add(bias, n * l.out.channels);
  }
  visit_groups(l, s.settings.batch, [&](Rows weights, Rows taps, Rows out) {
    y.add(product(w.rows(weights), x.rows(taps)), out.first);
  });
  Bounded result = y.finish();
  // a window that meets only padding holds the bias as it is given: nothing is added, nothing rounds
  result.deviation *= y.terms > (l.bias ? 1 : 0);
  return result;
}

Bounded max_pool_forward(DoubleState& s, const Layer& l) {
  Choice& choice = s.choices[l.name];
  const Bounded taps = Windows(l).taps(s.input(l));
  const Array errors = taps.error();
  Bounded y = Bounded::exact(Array(s.settings.batch * l.out.channels, pixels(l.out)));
  choice.chosen = choice.open = Array(errors.rows(), errors.cols());
  for (Index plane = 0; plane < y.value.rows(); ++plane)
    for (Index pixel = 0; pixel < y.value.cols(); ++pixel) {
      const WindowTaps w{plane * area(l), area(l), pixel};
      const Index best = first_largest(taps, w);
      s.step.decisions.push_back(static_cast<int>(best - w.first));
      choice.chosen(best, pixel) = 1;
      y.value(plane, pixel) = taps.value(best, pixel);
      for (Index k = w.first; k < w.first + w.count; ++k) {
        const double uncertainty = errors(k, pixel) + errors(best, pixel);
        // what FP32 could find at least as good
        const bool rival = k != best && taps.present(k, pixel) > 0 && uncertainty > 0 &&
                           taps.value(k, pixel) + uncertainty >= taps.value(best, pixel);
        if (rival) {
          choice.open(k, pixel) = choice.open(best, pixel) = 1;
          ++s.step.ambiguous;
        }
        if (!rival && k != best) continue;
        // The maximum moves by no more than the largest move of a tap that could be the maximum.
        y.deviation(plane, pixel) = std::max(y.deviation(plane, pixel), taps.deviation(k, pixel));
        y.shift(plane, pixel) = std::max(y.shift(plane, pixel), taps.shift(k, pixel));
      }
    }
  return y;
}

void contraction_backward(DoubleState& s, const Layer& l, const Bounded& whole_dy, BoundedSums& dx) {
  const Bounded dy = averages(l) ? times(whole_dy, shares(l, whole_dy.value.rows())) : whole_dy;
  const Windows windows(l);
  const Bounded w = weights_of(s, l), x = windows.taps(s.input(l));
  BoundedSums dw = BoundedSums::zero(w.value.rows(), w.value.cols());
  BoundedSums taps_gradient = BoundedSums::zero(x.value.rows(), x.value.cols());
  visit_groups(l, s.settings.batch, [&](Rows weights, Rows taps, Rows out) {
    taps_gradient.add(product(w.rows(weights).transposed(), dy.rows(out)), taps.first);
    dw.add(product(dy.rows(out), x.rows(taps).transposed()), weights.first);
  });
  dx.add(windows.fold(taps_gradient));
  if (has_weights(l)) s.train(l, false, dw.finish());
  if (!l.bias) return;
  BoundedSums db = BoundedSums::zero(l.out.channels, 1);
  for (Index n = 0; n < s.settings.batch; ++n)
    db.add(product(dy.rows({n * l.out.channels, l.out.channels}), ones(pixels(l.out), 1)));
  s.train(l, true, db.finish());
}

void max_pool_backward(const DoubleState& s, const Layer& l, const Bounded& dy, BoundedSums& dx) {
  const Choice& choice = s.choices.at(l.name);
  const Bounded taps =
      dy.each([&](const Array& a) { return a.repeated(area(l)).reshaped(choice.chosen.rows()); });
  BoundedSums routed = selected(taps, choice.chosen);
  routed.add_open(taps, choice.open);
  dx.add(Windows(l).fold(routed));
}

}  // namespace anzan::reference
