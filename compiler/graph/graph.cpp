// Reverse-mode differentiation of a network into the training graph: see graph.hpp.
#include "compiler/graph/graph.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "compiler/graph/layout.hpp"
#include "compiler/graph/shared_channels.hpp"
#include "compiler/input/input_error.hpp"

namespace anzan::compiler {
namespace {

class Differentiator : private SharedChannels {
 public:
  Differentiator(const Network& network, const Precision& precision, const TrainingParameters& training,
                 const ChipParameters& chip, const SystemParameters& system)
      : SharedChannels(network, precision, training, chip, system) {}

  Graph run() {
    check_wishes();
    forward();
    check_sharing();
    backward();
    if (graph_.slots.size() > static_cast<std::size_t>(isa::kSlots)) {
      throw InputError("/network", std::to_string(graph_.slots.size()) + " slots",
                       "at most " + std::to_string(isa::kSlots) + " tensors with settings of their own");
    }
    return std::move(graph_);
  }

 private:
  // Follows flatten: the layer whose output tensor really exists.
  int physical(int layer) const {
    while (layer >= 0 && layers()[static_cast<std::size_t>(layer)].kind == LayerKind::kFlatten) {
      layer = layers()[static_cast<std::size_t>(layer)].inputs[0];
    }
    return layer;
  }

  // The ReLU that a layer's write-back performs, or -1.
  int fused_relu(int layer) const {
    const LayerKind kind = layers()[static_cast<std::size_t>(layer)].kind;
    if (!is_contraction(kind) && kind != LayerKind::kAdd) return -1;
    int relu = -1, consumers = 0;
    for (std::size_t i = 0; i < layers().size(); ++i) {
      for (int input : layers()[i].inputs) {
        if (input != layer) continue;
        ++consumers;
        if (layers()[i].kind == LayerKind::kRelu) relu = static_cast<int>(i);
      }
    }
    return consumers == 1 ? relu : -1;
  }

  void forward() {
    const Network& net = graph_.network;
    {
      TensorInfo t = image("data", "data", TensorClass::kActivation, net.input);
      for (const Layer& l : layers()) {
        if (gathers(l)) t.pitch = net.input.channels;
      }
      t.slot = add_slot("data", TensorClass::kActivation, "data");
      t.format = graph_.slots.back().format;
      graph_.data = add_tensor(std::move(t));
    }
    graph_.label = add_constant_image("label", isa::Format::kInt8, {net.classes(), 1, 1});
    activation_.assign(layers().size(), -1);
    needs_gradient_.assign(graph_.tensors.size(), false);
    for (std::size_t i = 0; i < layers().size(); ++i) forward_layer(static_cast<int>(i));
  }

  // Few input channels of the network's input: taps stand where channels would (im2col).
  bool gathers(const Layer& l) const {
    return physical(l.inputs[0]) == -1 && is_contraction(l.kind) && l.groups == 1 &&
           graph_.network.input.channels < kChannelAlignment && consumers_of_data() == 1;
  }
  int consumers_of_data() const {
    int n = 0;
    for (std::size_t i = 0; i < layers().size(); ++i) {
      if (layers()[i].kind == LayerKind::kFlatten) continue;
      for (int input : layers()[i].inputs) n += physical(input) == -1;
    }
    return n;
  }

  int input_tensor(const Layer& l, std::size_t k = 0) {
    const int producer = physical(l.inputs[k]);
    return producer < 0 ? graph_.data : activation_[static_cast<std::size_t>(producer)];
  }

  bool needs_gradient(int t) { return needs_gradient_[static_cast<std::size_t>(t)]; }
  void set_needs_gradient(int t, bool value) {
    needs_gradient_.resize(graph_.tensors.size(), false);
    needs_gradient_[static_cast<std::size_t>(t)] = value;
  }

  int gathered(int t, int layer) {
    const int all = whole(t, layer, Phase::kForward);
    if (all != t) set_needs_gradient(all, needs_gradient(t));
    return all;
  }

  void forward_layer(int i) {
    const Layer& l = layers()[static_cast<std::size_t>(i)];
    if (activation_[static_cast<std::size_t>(i)] >= 0 || l.kind == LayerKind::kFlatten)
      return;  // fused before
    Op op;
    op.layer = i;
    int x = input_tensor(l);
    if (is_contraction(l.kind) || l.kind == LayerKind::kSoftmaxCrossEntropy ||
        (l.kind == LayerKind::kAdd && !tensor(input_tensor(l, 1)).shared_out))
      x = gathered(x, i);
    op.inputs.push_back(x);
    const int relu = fused_relu(i);
    const std::string owner = relu >= 0 ? layers()[static_cast<std::size_t>(relu)].name : l.name;
    bool gradient = needs_gradient(x);
    int y = -1;
    switch (l.kind) {
      case LayerKind::kConvolution:
      case LayerKind::kFullyConnected: {
        op.kind = OpKind::kConvolution;
        const bool shared = decide(i, x);
        add_parameters(l, i, op);
        y = add_output(owner, l, relu, shared);
        gradient = true;
        break;
      }
      case LayerKind::kAdd:
        op.kind = OpKind::kAdd;
        op.inputs.push_back(tensor(x).shared_out ? input_tensor(l, 1) : gathered(input_tensor(l, 1), i));
        gradient = gradient || needs_gradient(op.inputs[1]);
        y = add_output(owner, l, relu, tensor(x).shared_out);
        break;
      case LayerKind::kMaxPool:
        op.kind = OpKind::kMaxPool;
        y = add_selection(l.name + ".activation", l.name, x, pooled(x, l));
        op.outputs.push_back(y);
        op.outputs.push_back(add_constant_image(l.name + ".index", index_format(l), pooled(x, l)));
        break;
      case LayerKind::kAveragePool:
        op.kind = OpKind::kAveragePool;
        y = add_image(l.name + ".activation", l.name, TensorClass::kActivation, pooled(x, l));
        share(y, tensor(x).shared_out);
        break;
      case LayerKind::kRelu:
        op.kind = OpKind::kRelu;
        y = add_selection(l.name + ".activation", l.name, x, shape_of(x));
        break;
      case LayerKind::kSoftmaxCrossEntropy:
        return forward_loss(l, op, x);
      case LayerKind::kFlatten:
        return;
    }
    if (op.outputs.empty()) op.outputs.push_back(y);
    op.relu = relu >= 0;
    activation_[static_cast<std::size_t>(i)] = y;
    if (relu >= 0) activation_[static_cast<std::size_t>(relu)] = y;
    set_needs_gradient(y, gradient);
    graph_.ops.push_back(op);
  }

  int add_output(const std::string& owner, const Layer& l, int relu, bool shared) {
    // an override for the layer itself holds where its ReLU has none
    std::string named = owner;
    if (relu >= 0 && precision_.layers.count(owner) == 0) named = l.name;
    Shape out = l.out;
    if (shared) out.channels /= cores();
    TensorInfo t = image(owner + ".activation", owner, TensorClass::kActivation, out);
    const TensorPrecision& p = precision_.of(TensorClass::kActivation, named);
    graph_.slots.push_back({t.name, owner, TensorClass::kActivation, p.format, p.slot});
    t.slot = static_cast<int>(graph_.slots.size()) - 1;
    t.format = p.format;
    const int y = add_tensor(std::move(t));
    share(y, shared);
    return y;
  }

  static isa::Format index_format(const Layer& l) {
    return l.kernel_h * l.kernel_w <= 127 ? isa::Format::kInt8 : isa::Format::kFp32;
  }

  void forward_loss(const Layer& l, Op op, int logits) {
    if (tensor(logits).shape[2] * tensor(logits).shape[3] != 1) {
      throw InputError(l.place,
                       "logits of " + std::to_string(tensor(logits).shape[2]) + " x " +
                           std::to_string(tensor(logits).shape[3]) + " pixels",
                       "one pixel: end with fully_connected");
    }
    op.kind = OpKind::kLoss;
    op.inputs.push_back(graph_.label);
    graph_.loss = add_image("loss", l.name, TensorClass::kLoss, {1, 1, 1});
    graph_.prediction = add_constant_image("prediction", isa::Format::kFp32, {1, 1, 1});
    op.outputs = {graph_.loss, graph_.prediction};
    graph_.ops.push_back(op);
  }

  void add_parameters(const Layer& l, int layer, Op& op) {
    const TensorInfo& x = tensor(op.inputs[0]);
    const bool fc = l.kind == LayerKind::kFullyConnected;
    TensorInfo w;
    w.layer = l.name;
    w.layout = TensorInfo::Layout::kWeights;
    w.groups = l.groups;
    w.shared_out = shares(layer);
    w.shape = {l.out.channels / (w.shared_out ? cores() : 1), x.shape[1] / l.groups,
               fc ? x.shape[2] : l.kernel_h, fc ? x.shape[3] : l.kernel_w};
    w.gathered = gathers(l);
    w.persistent = true;
    const std::int64_t fan_in = w.shape[1] * w.shape[2] * w.shape[3];
    op.inputs.push_back(add_parameter(w, l, layer, false, fan_in));
    if (!l.bias) return;
    TensorInfo b;
    b.layer = l.name;
    b.layout = TensorInfo::Layout::kVector;
    b.groups = l.groups;
    b.shared_out = w.shared_out;
    b.shape = {w.shape[0], 1, 1, 1};
    b.persistent = true;
    op.inputs.push_back(add_parameter(b, l, layer, true, fan_in));
  }

  int consumers(int t) {
    int n = 0;
    for (const Op& op : graph_.ops) {
      if (op.phase == Phase::kForward)
        n += static_cast<int>(std::count(op.inputs.begin(), op.inputs.end(), t));
    }
    return n;
  }

  // The tensor into which a consumer of `t` writes its share of t's gradient. With several consumers
  // each share is a tensor of its own and they are added in the order in which they arise.
  int open_share(int t) {
    Shares& s = shares_[t];
    ++s.count;
    const TensorInfo& of = tensor(t);
    std::string share_name = of.layer + ".activation_gradient";
    const auto from = gathered_from().find(t);
    const int source = from == gathered_from().end() ? t : from->second;
    const int number = source == t ? s.count : shares_[source].count + 1;
    if (consumers(source) > 1) share_name += "." + std::to_string(number);
    const bool shared = of.shared_out;
    const int gradient = add_image(share_name, of.layer, TensorClass::kActivationGradient, shape_of(t));
    share(gradient, shared);
    return gradient;
  }

  void close_share(int t, int share, int layer) {
    Shares& s = shares_[t];
    if (s.sum < 0) {
      s.sum = share;
      return;
    }
    const TensorInfo& of = tensor(t);
    std::string sum_name = of.layer + ".activation_gradient";
    if (s.count < consumers(t)) sum_name += ".sum" + std::to_string(s.count);
    const bool shared = of.shared_out;
    const int sum = add_image(sum_name, of.layer, TensorClass::kActivationGradient, shape_of(t));
    SharedChannels::share(sum, shared);
    push(OpKind::kAdd, Phase::kBackward, layer, {s.sum, share}, {sum});
    s.sum = sum;
  }

  void backward() {
    const std::vector<Op> forward_ops = graph_.ops;
    for (auto it = forward_ops.rbegin(); it != forward_ops.rend(); ++it) backward_op(*it);
    graph_.ops.insert(graph_.ops.end(), exchanges_.begin(), exchanges_.end());
    graph_.ops.insert(graph_.ops.end(), updates_.rbegin(), updates_.rend());
  }

  // A share of the gradient of `input`, written by an operation `kind` that reads `sources`.
  void propagate(OpKind kind, const Op& op, int input, const std::vector<int>& sources) {
    if (!needs_gradient(input)) return;
    const int share = open_share(input);
    push(kind, Phase::kBackward, op.layer, sources, {share});
    close_share(input, share, op.layer);
  }

  void backward_op(const Op& op) {
    if (op.kind == OpKind::kLoss) return backward_loss(op);
    if (op.kind == OpKind::kGather) return backward_gather(op);
    const int y = op.outputs[0];
    if (!needs_gradient(y) || shares_.count(y) == 0) return;
    const int dy = shares_.at(y).sum;
    if (op.relu) push(OpKind::kReluBackward, Phase::kBackward, op.layer, {dy, y}, {dy});
    switch (op.kind) {
      case OpKind::kConvolution:
        return backward_convolution(op, dy);
      case OpKind::kMaxPool:
        return propagate(OpKind::kMaxPoolBackward, op, op.inputs[0], {dy, op.outputs[1]});
      case OpKind::kAveragePool:
        return propagate(OpKind::kAveragePoolBackward, op, op.inputs[0], {dy});
      case OpKind::kRelu:
        return propagate(OpKind::kReluBackward, op, op.inputs[0], {dy, y});
      case OpKind::kAdd:
        for (int input : op.inputs) propagate(OpKind::kCopy, op, input, {dy});
        return;
      default:
        return;
    }
  }

  // Of a gathered tensor there is one reader: a layer of shares leaves parts of its gradient in the cores,
  // any other one all of it in each.
  void backward_gather(const Op& op) {
    if (shares_.count(op.outputs[0]) == 0) return;
    const int all = shares_.at(op.outputs[0]).sum;
    const bool parts = shares(op.layer);
    ++shares_[op.inputs[0]].count;
    const int own = share_of(all, tensor(all).name + ".share");
    push(parts ? OpKind::kReduceScatter : OpKind::kSlice, Phase::kBackward, op.layer, {all}, {own});
    close_share(op.inputs[0], own, op.layer);
  }

  // A layer of shares whose input every core has: the parts of the gradient are added up for all.
  void propagate_parts(const Op& op, int dy) {
    const int x = op.inputs[0];
    if (!needs_gradient(x)) return;
    const int parts = open_share(x);
    push(OpKind::kConvolutionBackwardData, Phase::kBackward, op.layer, {dy, op.inputs[1]}, {parts});
    sums_differ(parts);
    if (gathered_from().count(x) != 0) return close_share(x, parts, op.layer);
    const int own = share_of(parts, tensor(parts).name + ".share");
    push(OpKind::kReduceScatter, Phase::kBackward, op.layer, {parts}, {own});
    close_share(x, whole(own, op.layer, Phase::kBackward), op.layer);
  }

  void backward_loss(const Op& op) {
    const int logits = op.inputs[0];
    if (!needs_gradient(logits)) {
      throw InputError("/network/layers", "no layer with weights", "at least one before the loss");
    }
    const int share = open_share(logits);
    for (Op& o : graph_.ops) {
      if (o.kind == OpKind::kLoss) o.outputs.push_back(share);
    }
    close_share(logits, share, op.layer);
  }

  void backward_convolution(const Op& op, int dy) {
    std::vector<Parameter> own;
    std::vector<int> gradients;
    for (const Parameter& p : parameters()) {
      if (p.layer != op.layer) continue;
      own.push_back(p);
      gradients.push_back(p.gradient);
    }
    // the gradient of the input first: the layers before wait for it
    if (shares(op.layer)) {
      propagate_parts(op, dy);
    } else {
      propagate(OpKind::kConvolutionBackwardData, op, op.inputs[0], {dy, op.inputs[1]});
    }
    push(OpKind::kConvolutionBackwardWeight, Phase::kBackward, op.layer, {op.inputs[0], dy}, gradients);
    if (graph_.system.data_cores() > 1) {
      Op exchange;
      exchange.kind = OpKind::kExchange;
      exchange.phase = Phase::kUpdate;
      exchange.layer = op.layer;
      exchange.inputs = exchange.outputs = gradients;
      exchanges_.push_back(exchange);
    }
    for (const Parameter& p : own) {
      Op update;
      update.kind = OpKind::kUpdate;
      update.phase = Phase::kUpdate;
      update.layer = op.layer;
      update.bias = p.bias;
      update.inputs = {p.gradient, p.value, p.momentum};
      update.outputs = {p.value, p.momentum};
      if (p.master >= 0) {
        update.inputs.push_back(p.master);
        update.outputs.push_back(p.master);
      }
      (graph_.system.data_cores() > 1 ? updates_ : graph_.ops).push_back(update);
    }
  }

  struct Shares {
    int count = 0, sum = -1;
  };

  std::vector<int> activation_;       // layer -> tensor
  std::vector<bool> needs_gradient_;  // tensor
  std::map<int, Shares> shares_;
  std::map<int, int> gathered_from_;     // forward
  std::vector<Op> exchanges_, updates_;  // with several cores
};

}  // namespace

const char* name(OpKind kind) {
  static constexpr const char* kNames[] = {"convolution",
                                           "convolution_backward_data",
                                           "convolution_backward_weight",
                                           "max_pool",
                                           "max_pool_backward",
                                           "average_pool",
                                           "average_pool_backward",
                                           "relu",
                                           "relu_backward",
                                           "add",
                                           "copy",
                                           "loss",
                                           "exchange",
                                           "update",
                                           "gather",
                                           "reduce_scatter",
                                           "slice",
                                           "transfer"};
  return kNames[static_cast<int>(kind)];
}

Graph differentiate(const Network& network, const Precision& precision, const TrainingParameters& training,
                    const ChipParameters& chip, const SystemParameters& system) {
  return Differentiator(network, precision, training, chip, system).run();
}

}  // namespace anzan::compiler
