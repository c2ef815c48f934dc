// The canonical order of every sum of a layer.
// A visitor calls visit(i, j) once for each product of one output element, in canonical order, with the
// logical indices of the two factors. Taps that meet padding are skipped, but where the input is gathered:
// there they are visited with the index kPadding, which stands for +0.
#pragma once
#include <cstdint>

namespace anzan::reference {

inline constexpr std::int64_t kPadding = -1;

// A convolution or pooling of `batch` images; pooling has groups = input channels.
struct Geometry {
  std::int64_t batch = 1, in_channels = 1, in_height = 1, in_width = 1;
  std::int64_t out_channels = 1, out_height = 1, out_width = 1;
  std::int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, groups = 1;
  std::int64_t dilation_h = 1, dilation_w = 1, pad_bottom = 0, pad_right = 0;
  bool counts_padding = true;  // averages are over the taps within the padded input, else within the input
  bool gathered = false;       // the taps of the input stand where channels would (im2col)

  std::int64_t in_group() const { return in_channels / groups; }
  std::int64_t out_group() const { return out_channels / groups; }
  std::int64_t input(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return ((n * in_channels + c) * in_height + y) * in_width + x;
  }
  // The same, or kPadding outside the image.
  std::int64_t padded_input(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return y < 0 || y >= in_height || x < 0 || x >= in_width ? kPadding : input(n, c, y, x);
  }
  // Where tap (ky, kx) of the window of output (oy, ox) stands.
  std::int64_t row(std::int64_t oy, std::int64_t ky) const { return oy * stride_h + ky * dilation_h - pad_h; }
  std::int64_t column(std::int64_t ox, std::int64_t kx) const {
    return ox * stride_w + kx * dilation_w - pad_w;
  }
  std::int64_t output(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return ((n * out_channels + c) * out_height + y) * out_width + x;
  }
  std::int64_t weight(std::int64_t oc, std::int64_t ic, std::int64_t ky, std::int64_t kx) const {
    return ((oc * in_group() + ic) * kernel_h + ky) * kernel_w + kx;
  }
};

// Taps of the window of output (oy, ox): visit(ky, kx, y, x), ascending (ky, kx).
template <class Visit>
void visit_window(const Geometry& g, std::int64_t oy, std::int64_t ox, const Visit& visit) {
  for (std::int64_t ky = 0; ky < g.kernel_h; ++ky) {
    const std::int64_t y = g.row(oy, ky);
    if (y < 0 || y >= g.in_height) continue;
    for (std::int64_t kx = 0; kx < g.kernel_w; ++kx) {
      const std::int64_t x = g.column(ox, kx);
      if (x >= 0 && x < g.in_width) visit(ky, kx, y, x);
    }
  }
}

// What the average of output (oy, ox) is divided by.
inline std::int64_t average_divisor(const Geometry& g, std::int64_t oy, std::int64_t ox) {
  std::int64_t taps = 0;
  const std::int64_t above = g.counts_padding ? g.pad_h : 0, left = g.counts_padding ? g.pad_w : 0;
  const std::int64_t below = g.counts_padding ? g.pad_bottom : 0, right = g.counts_padding ? g.pad_right : 0;
  for (std::int64_t ky = 0; ky < g.kernel_h; ++ky) {
    for (std::int64_t kx = 0; kx < g.kernel_w; ++kx) {
      const std::int64_t y = g.row(oy, ky), x = g.column(ox, kx);
      taps += y >= -above && y < g.in_height + below && x >= -left && x < g.in_width + right;
    }
  }
  return taps;
}

// Windows that see input (y, x): visit(ky, kx, oy, ox), ascending (ky, kx) of the tap that sees it.
template <class Visit>
void visit_seeing_windows(const Geometry& g, std::int64_t y, std::int64_t x, const Visit& visit) {
  for (std::int64_t ky = 0; ky < g.kernel_h; ++ky) {
    const std::int64_t top = y + g.pad_h - ky * g.dilation_h;
    if (top < 0 || top % g.stride_h != 0 || top / g.stride_h >= g.out_height) continue;
    for (std::int64_t kx = 0; kx < g.kernel_w; ++kx) {
      const std::int64_t left = x + g.pad_w - kx * g.dilation_w;
      if (left < 0 || left % g.stride_w != 0 || left / g.stride_w >= g.out_width) continue;
      visit(ky, kx, top / g.stride_h, left / g.stride_w);
    }
  }
}

// Forward, output (n, oc, oy, ox): (ky, kx, ic), gathered (ic, ky, kx); visit(input, weight).
template <class Visit>
void visit_forward(const Geometry& g, std::int64_t n, std::int64_t oc, std::int64_t oy, std::int64_t ox,
                   const Visit& visit) {
  if (g.gathered) {
    for (std::int64_t ic = 0; ic < g.in_channels; ++ic)
      for (std::int64_t ky = 0; ky < g.kernel_h; ++ky)
        for (std::int64_t kx = 0; kx < g.kernel_w; ++kx) {
          visit(g.padded_input(n, ic, g.row(oy, ky), g.column(ox, kx)), g.weight(oc, ic, ky, kx));
        }
    return;
  }
  const std::int64_t first = oc / g.out_group() * g.in_group();
  visit_window(g, oy, ox, [&](std::int64_t ky, std::int64_t kx, std::int64_t y, std::int64_t x) {
    for (std::int64_t ic = 0; ic < g.in_group(); ++ic)
      visit(g.input(n, first + ic, y, x), g.weight(oc, ic, ky, kx));
  });
}

// Backward data, input (n, ic, y, x): (ky, kx, oc), visit(output, weight).
template <class Visit>
void visit_backward_data(const Geometry& g, std::int64_t n, std::int64_t ic, std::int64_t y, std::int64_t x,
                         const Visit& visit) {
  const std::int64_t first = ic / g.in_group() * g.out_group();
  visit_seeing_windows(g, y, x, [&](std::int64_t ky, std::int64_t kx, std::int64_t oy, std::int64_t ox) {
    for (std::int64_t oc = first; oc < first + g.out_group(); ++oc) {
      visit(g.output(n, oc, oy, ox), g.weight(oc, ic % g.in_group(), ky, kx));
    }
  });
}

// Where a sum over images and pixels is cut that has more than `most` products: between groups of `lanes`
// images, of which as many go together as fit (lanes without an image count); if not even one does, between
// its rows; if not even one of these does, between pixels.
class SumPieces {
 public:
  SumPieces(const Geometry& g, std::int64_t lanes, std::int64_t most)
      : height_(g.out_height), width_(g.out_width) {
    const std::int64_t a_row = width_ * lanes, a_group = height_ * a_row;
    groups_ = most / a_group;
    rows_ = groups_ > 0 ? height_ : most / a_row;
    pixels_ = rows_ > 0 ? width_ : most / lanes;
    one_ = piece((g.batch - 1) / lanes, height_ - 1, width_ - 1) == 0;
  }
  bool one() const { return one_; }  // all of it
  // Number of the piece that pixel (oy, ox) of a group belongs to, ascending in the order of the sum.
  std::int64_t piece(std::int64_t group, std::int64_t oy, std::int64_t ox) const {
    if (groups_ > 0) return group / groups_;
    if (rows_ > 0) return group * height_ + oy / rows_;
    return (group * height_ + oy) * width_ + ox / pixels_;
  }

 private:
  std::int64_t height_, width_, groups_, rows_, pixels_;
  bool one_;
};

struct WeightPlace {
  std::int64_t oc, ic, ky, kx;
};

// Backward weight, of one weight: (group of `lanes` images, oy, ox, image of the group), visit(output,
// input); begin(number of the group, oy, ox) before the images of a pixel.
template <class Visit, class Begin>
void visit_backward_weight(const Geometry& g, std::int64_t lanes, const WeightPlace& at, const Visit& visit,
                           const Begin& begin) {
  const auto [oc, ic, ky, kx] = at;
  const std::int64_t channel = oc / g.out_group() * g.in_group() + ic;
  for (std::int64_t group = 0; group < g.batch; group += lanes) {
    for (std::int64_t oy = 0; oy < g.out_height; ++oy) {
      const std::int64_t y = g.row(oy, ky);
      for (std::int64_t ox = 0; ox < g.out_width; ++ox) {
        const std::int64_t x = g.column(ox, kx);
        if (!g.gathered && g.padded_input(0, channel, y, x) == kPadding) continue;
        begin(group / lanes, oy, ox);
        for (std::int64_t n = group; n < g.batch && n < group + lanes; ++n) {
          visit(g.output(n, oc, oy, ox), g.padded_input(n, channel, y, x));
        }
      }
    }
  }
}

// Backward bias, bias oc: the same order without taps, visit(output, 0).
template <class Visit, class Begin>
void visit_backward_bias(const Geometry& g, std::int64_t lanes, std::int64_t oc, const Visit& visit,
                         const Begin& begin) {
  for (std::int64_t group = 0; group < g.batch; group += lanes)
    for (std::int64_t oy = 0; oy < g.out_height; ++oy)
      for (std::int64_t ox = 0; ox < g.out_width; ++ox) {
        begin(group / lanes, oy, ox);
        for (std::int64_t n = group; n < g.batch && n < group + lanes; ++n) visit(g.output(n, oc, oy, ox), 0);
      }
}

}  // namespace anzan::reference
