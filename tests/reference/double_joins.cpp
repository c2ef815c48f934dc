// Layers of several inputs: sums, products, and channels side by side.

#include "tests/reference/double_joins.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

// The values; one pixel for all where there is one.
Bounded over_pixels(const Bounded& x, Index pixels) {
  if (x.value.cols() == pixels) return x;
  return x.each([&](const Array& a) { return a.repeated(pixels); });
}

// Calls visit(number of the input, its planes, those of the output) for every image.
template <class Visit>
void visit_parts(const compiler::Network& network, const Layer& l, Index batch, const Visit& visit) {
  for (Index n = 0; n < batch; ++n) {
    Index first = n * l.out.channels;
    for (const int source : l.inputs) {
      const Index channels =
          source < 0 ? network.input.channels : network.layers[static_cast<std::size_t>(source)].out.channels;
      visit(source, Rows{n * channels, channels}, Rows{first, channels});
      first += channels;
    }
  }
}

}  // namespace

Bounded add_forward(const DoubleState& s, const Layer& l) {
  BoundedSums y = BoundedSums::zero(s.settings.batch * l.out.channels, pixels(l.out));
  for (const int source : l.inputs) {
    const Bounded term = over_pixels(s.output(source), y.value.cols());
    y.add(selected(term, term.present));
  }
  return y.finish();
}

Bounded multiply_forward(const DoubleState& s, const Layer& l) {
  return times(over_pixels(s.output(l.inputs[0]), pixels(l.out)),
               over_pixels(s.output(l.inputs[1]), pixels(l.out)));
}

// What arrives at an input of an add or a multiply.
void combine_backward(const DoubleState& s, const Layer& l, int source, const Bounded& dy, BoundedSums& dx) {
  Bounded terms = dy;
  if (l.kind == LayerKind::kMultiply) {
    const int other = l.inputs[source == l.inputs[0] ? 1 : 0];
    terms = times(dy, over_pixels(s.output(other), pixels(l.out)));
  }
  const BoundedSums all = selected(terms, terms.present);
  const bool sums = dx.value.cols() < dy.value.cols();
  dx.add(sums ? all.each([](const Array& a) { return a.row_sums(); }) : all);
}

Bounded concat_forward(const DoubleState& s, const Layer& l) {
  Bounded y = Bounded::exact(Array(s.settings.batch * l.out.channels, pixels(l.out)));
  visit_parts(s.network, l, s.settings.batch, [&](int source, Rows of_input, Rows of_output) {
    const Bounded part = s.output(source).rows(of_input);
    for (const auto member : {&Bounded::value, &Bounded::deviation, &Bounded::shift, &Bounded::present})
      (y.*member).set_rows(of_output.first, part.*member);
  });
  return y;
}

void concat_backward(const DoubleState& s, const Layer& l, int source, const Bounded& dy, BoundedSums& dx) {
  visit_parts(s.network, l, s.settings.batch, [&](int part, Rows of_input, Rows of_output) {
    const Bounded passed = dy.rows(of_output);
    if (part == source) dx.add(selected(passed, passed.present), of_input.first);
  });
}

}  // namespace anzan::reference
