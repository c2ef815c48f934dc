// What all gradients have in common: shares of several consumers, fused ReLUs, sums over cores. What an
// operation passes on, operators.cpp says.
#include "compiler/graph/backward.hpp"

#include <algorithm>
#include <string>

#include "compiler/graph/operators.hpp"
#include "compiler/input/input_error.hpp"

namespace anzan::compiler {

void Backward::run() {
  const std::vector<Op> forward = b_.graph().ops;
  for (auto it = forward.rbegin(); it != forward.rend(); ++it) go_back(*it);
  std::vector<Op>& ops = b_.graph().ops;
  ops.insert(ops.end(), exchanges_.begin(), exchanges_.end());
  if (b_.graph().training.clip_norm > 0) add_norm();
  ops.insert(ops.end(), updates_.rbegin(), updates_.rend());
}

// Of the gradients of all parameters, in the order of the network.
void Backward::add_norm() {
  TensorInfo scale;
  scale.name = "gradient_scale";
  scale.kind = TensorClass::kLoss;
  scale.slot = kConstantSlot;
  scale.layout = TensorInfo::Layout::kVector;
  const int factor = b_.add_tensor(std::move(scale));
  std::vector<int> gradients;
  for (const SharedChannels::Parameter& p : sharing_.parameters()) {
    for (Op& update : updates_) {
      if (update.inputs.front() != p.gradient) continue;
      gradients.push_back(p.gradient);
      update.inputs.push_back(factor);
    }
  }
  b_.push(OpKind::kGradientNorm, Phase::kUpdate, static_cast<int>(b_.layers().size()) - 1, gradients,
          {factor});
}

void Backward::go_back(const Op& op) {
  const Layer& l = b_.graph().layer(op);
  const auto found = shares_.find(op.outputs[0]);
  if (found == shares_.end() && !has(l, kIsLoss)) return;  // nobody wants it
  const int dy = found == shares_.end() ? -1 : found->second.sum;
  if (op.kind == OpKind::kGather) return gather_gradient(op, dy);
  const int y = op.outputs[0];
  const bool masks = op.kind == OpKind::kMaxPool ? pools_relu(op) : op.relu && !has_pooled_relu(y);
  if (masks) b_.push(OpKind::kReluBackward, Phase::kBackward, op.layer, {dy, y}, {dy});
  operator_of(l.kind).gradient(*this, op, dy);
}

// Where all that reads a ReLU's output is a max pool, the gradient is masked before it goes through the pool:
// by the sign of what was selected, which is that of the output there. So a smaller tensor is masked, and the
// larger one is not kept.
bool Backward::has_pooled_relu(int t) const {
  const std::vector<Op>& ops = b_.graph().ops;
  return consumers(t) == 1 && std::any_of(ops.begin(), ops.end(), [t](const Op& op) {
           return op.kind == OpKind::kMaxPool && op.inputs[0] == t;
         });
}

bool Backward::pools_relu(const Op& pool) const {
  const std::vector<Op>& ops = b_.graph().ops;
  const int x = pool.inputs[0];
  return has_pooled_relu(x) &&
         std::any_of(ops.begin(), ops.end(), [x](const Op& op) { return op.relu && op.outputs[0] == x; });
}

int Backward::consumers(int t) const {
  int n = 0;
  for (const Op& op : b_.graph().ops) {
    if (op.phase == Phase::kForward) n += static_cast<int>(std::count(op.inputs.begin(), op.inputs.end(), t));
  }
  return n;
}

// The tensor into which a consumer of `t` writes its share of t's gradient. With several consumers each share
// is a tensor of its own and they are added in the order in which they arise.
int Backward::open_share(int t) {
  Shares& s = shares_[t];
  ++s.count;
  const TensorInfo of = b_.tensor(t);
  std::string name = of.layer + ".activation_gradient";
  const auto from = sharing_.gathered_from().find(t);
  const int source = from == sharing_.gathered_from().end() ? t : from->second;
  const int number = source == t ? s.count : shares_[source].count + 1;
  if (consumers(source) > 1) name += "." + std::to_string(number);
  const int gradient = b_.add_image(name, of.layer, TensorClass::kActivationGradient, b_.shape_of(t));
  sharing_.share(gradient, of.shared_out);
  return gradient;
}

void Backward::close_share(int t, int share, int layer) {
  Shares& s = shares_[t];
  if (s.sum < 0) {
    s.sum = share;
    return;
  }
  const TensorInfo of = b_.tensor(t);
  std::string name = of.layer + ".activation_gradient";
  if (s.count < consumers(t)) name += ".sum" + std::to_string(s.count);
  const int sum = b_.add_image(name, of.layer, TensorClass::kActivationGradient, b_.shape_of(t));
  sharing_.share(sum, of.shared_out);
  b_.push(OpKind::kAdd, Phase::kBackward, layer, {s.sum, share}, {sum});
  s.sum = sum;
}

void Backward::propagate(OpKind kind, const Op& op, int input, const std::vector<int>& sources,
                         std::int64_t first_channel) {
  if (!b_.needs_gradient(input)) return;
  const int share = open_share(input);
  b_.push(kind, Phase::kBackward, op.layer, sources, {share});
  Op& added = b_.graph().ops.back();
  added.first_channel = first_channel;
  added.words = op.words;
  close_share(input, share, op.layer);
}

void Backward::propagate_from_shares(OpKind kind, const Op& op, int input, const std::vector<int>& sources) {
  if (!sharing_.shares(op.layer)) return propagate(kind, op, input, sources);
  if (!b_.needs_gradient(input)) return;
  const int parts = open_share(input);
  b_.push(kind, Phase::kBackward, op.layer, sources, {parts});
  sharing_.sums_differ(parts);
  if (sharing_.gathered_from().count(input) != 0) return close_share(input, parts, op.layer);
  // an input that every core has: the parts of its gradient are added up for all
  const int own = sharing_.share_of(parts, b_.tensor(parts).name + ".share");
  b_.push(OpKind::kReduceScatter, Phase::kBackward, op.layer, {parts}, {own});
  close_share(input, sharing_.whole(own, op.layer, Phase::kBackward), op.layer);
}

// Of a gathered tensor there is one reader: a layer of shares leaves parts of its gradient in the cores, any
// other one all of it in each.
void Backward::gather_gradient(const Op& op, int dy) {
  const bool parts = sharing_.shares(op.layer);
  ++shares_[op.inputs[0]].count;
  const int own = sharing_.share_of(dy, b_.tensor(dy).name + ".share");
  b_.push(parts ? OpKind::kReduceScatter : OpKind::kSlice, Phase::kBackward, op.layer, {dy}, {own});
  close_share(op.inputs[0], own, op.layer);
}

void Backward::start(const Op& loss) {
  const int input = loss.inputs[0];
  if (!b_.needs_gradient(input))
    throw InputError("/network/layers", "no layer with weights", "at least one before the loss");
  const int share = open_share(input);
  for (Op& op : b_.graph().ops) {
    if (op.layer == loss.layer && op.kind == loss.kind) op.outputs.push_back(share);
  }
  close_share(input, share, loss.layer);
}

void Backward::train(OpKind kind, const Op& op, const std::vector<int>& sources) {
  const bool sums = b_.graph().system.data_cores() > 1;
  std::vector<SharedChannels::Parameter> own;
  std::vector<int> gradients;
  for (const SharedChannels::Parameter& p : sharing_.parameters()) {
    if (p.layer != op.layer) continue;
    own.push_back(p);
    gradients.push_back(p.gradient);
  }
  b_.push(kind, Phase::kWeightGradient, op.layer, sources, gradients);
  if (sums) {
    Op exchange;
    exchange.kind = OpKind::kExchange;
    exchange.phase = Phase::kUpdate;
    exchange.layer = op.layer;
    exchange.inputs = exchange.outputs = gradients;
    exchanges_.push_back(exchange);
  }
  for (const SharedChannels::Parameter& p : own) {
    Op update;
    update.kind = OpKind::kUpdate;
    update.phase = Phase::kUpdate;
    update.layer = op.layer;
    update.bias = p.bias;
    update.inputs = {p.gradient, p.value};
    update.outputs = {p.value};
    for (std::vector<int>* tensors : {&update.inputs, &update.outputs})
      tensors->insert(tensors->end(), p.moments.begin(), p.moments.end());
    if (!momentum_is_update(b_.graph().training)) update.update_slot = p.update_slot;
    if (p.master >= 0) {
      update.inputs.push_back(p.master);
      update.outputs.push_back(p.master);
    }
    (sums || b_.graph().training.clip_norm > 0 ? updates_ : b_.graph().ops).push_back(update);
  }
}

}  // namespace anzan::compiler
