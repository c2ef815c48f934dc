// Convolution and fully connected layers, forward and the gradient of their input, as contractions; and
// the proof that their integer accumulators cannot wrap.
#include "compiler/lowering/convolution.hpp"

#include "compiler/lowering/accumulator_bound.hpp"
#include "compiler/lowering/contraction.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {

Axes convolution_axes(const Lowering& low, const Op& op, const TensorInfo& weight, const Image& x,
                      const Image& y) {
  const Layer& l = low.graph().layer(op);
  Axes a;
  a.y.kernel = weight.shape[2];
  a.x.kernel = weight.shape[3];
  if (has(l, kTakesWindow)) {
    a.y.stride = l.y.stride;
    a.x.stride = l.x.stride;
    a.y.dilation = l.y.dilation;
    a.x.dilation = l.x.dilation;
    a.y.pad = l.y.pad;
    a.x.pad = l.x.pad;
  }
  a.y.input = x.h;
  a.x.input = x.w;
  a.y.output = y.h;
  a.x.output = y.w;
  return a;
}

void lower_convolution(Lowering& low, const Op& op) {
  Contraction c;
  c.source = low.image(op.inputs[0]);
  c.weight = &low.graph().tensor(op.inputs[1]);
  c.bias = op.inputs.size() > 2 ? &low.graph().tensor(op.inputs[2]) : nullptr;
  c.destination = low.image(op.outputs[0]);
  c.layout = weight_layout(*c.weight);
  c.transposed = true;
  c.relu = op.relu;
  c.format = models::wider(c.source.format, c.weight->format);
  const Axes axes = convolution_axes(low, op, *c.weight, c.source, c.destination);
  c.y = axes.y;
  c.x = axes.x;
  if (c.weight->gathered) {
    c.gathered = true;
    c.window = axes;
    c.y = Axis{1, 1, 0, c.destination.h, c.destination.h, false};
    c.x = Axis{1, 1, 0, c.destination.w, c.destination.w, false};
  }
  for (c.group = 0; c.group < c.layout.groups; ++c.group) {
    c.reduce = c.layout.in_window(c.group);
    c.rows = c.layout.out_window(c.group);
    prove_accumulator(low.graph(), c.format, c.weight->slot, c.source.slot,
                      c.reduce.count * c.y.most_taps() * c.x.most_taps(), low.graph().layer(op).name);
    lower_contraction(low, c, low.graph().layer(op).name);
  }
}

void lower_convolution_backward_data(Lowering& low, const Op& op) {
  Contraction c;
  c.source = low.image(op.inputs[0]);
  c.weight = &low.graph().tensor(op.inputs[1]);
  c.destination = low.image(op.outputs[0]);
  c.layout = weight_layout(*c.weight);
  c.format = models::wider(c.source.format, c.weight->format);
  const Axes axes = convolution_axes(low, op, *c.weight, c.destination, c.source);
  c.y = axes.y;
  c.x = axes.x;
  c.y.transposed = c.x.transposed = true;
  for (c.group = 0; c.group < c.layout.groups; ++c.group) {
    c.reduce = c.layout.out_window(c.group);
    c.rows = c.layout.in_window(c.group);
    prove_accumulator(low.graph(), c.format, c.weight->slot, c.source.slot,
                      c.reduce.count * c.y.most_taps() * c.x.most_taps(), low.graph().layer(op).name);
    lower_contraction(low, c, low.graph().layer(op).name);
  }
}

}  // namespace anzan::compiler
