// Random networks and steps; see random_network.hpp. Draws by remainder, so that every standard library
// gives the same ones.
#include "tests/reference/random_network.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <random>
#include <set>
#include <utility>

#include "compiler/input/network_json.hpp"

namespace anzan::reference {
namespace {

using compiler::Filler;
using compiler::Layer;
using compiler::LayerKind;
using compiler::Network;
using compiler::Shape;

class Draw {
 public:
  explicit Draw(std::uint32_t seed) : engine_(seed) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool percent(int share) { return between(0, 99) < share; }
  double uniform(double bound) {  // in ±bound, a multiple of bound / 2^20
    return bound * static_cast<double>(between(-(1 << 20), 1 << 20)) * 0x1p-20;
  }

 private:
  std::mt19937_64 engine_;
};

constexpr int kMostConsumers = 12;  // of a tensor of a random network

bool weighted(const Layer& l) { return has(l, compiler::kHasWeights); }

class Builder {
 public:
  Builder(std::uint32_t seed, const RandomNetworkLimits& limits)
      : draw_(seed),
        leaks_(~seed),
        paddings_(seed ^ 0x5aadU),
        windows_(seed ^ 0x3d0bU),
        curves_(seed ^ 0xc0a7U),
        joins_(seed ^ 0x701dU),
        scales_(seed ^ 0x5ca1U),
        drops_(seed ^ 0xd70bU),
        lrns_(seed ^ 0x1279U),
        norms_(seed ^ 0xba7cU),
        losses_(seed ^ 0x1055U),
        maps_(seed ^ 0x3a95U),
        limits_(limits) {
    network_.name = "random_" + std::to_string(seed);
    network_.input = {channels(), draw_.between(3, limits.size), draw_.between(3, limits.size)};
  }

  Network build() {
    const std::int64_t blocks = draw_.between(1, limits_.blocks);
    for (std::int64_t i = 0; i < blocks; ++i) {
      block();
      if (curves_.percent(30)) curve();
      if (joins_.percent(25)) join();
      if (scales_.percent(15)) scale();
      if (drops_.percent(12)) dropout();
      if (lrns_.percent(10)) lrn();
    }
    if (maps_.percent(12)) {
      logits_of_pixels();
    } else {
      classifier();
    }
    loss();
    leak();
    if (limits_.batch_norms) normalise();
    return network_;
  }

  std::int64_t products() const {
    std::int64_t sum = 0;
    for (const Layer& l : network_.layers) {
      if (has(l, compiler::kContracts)) sum += l.out.size() * compiler::weights_of_a_channel(l);
    }
    return sum;
  }

 private:
  int tip() const { return static_cast<int>(network_.layers.size()) - 1; }
  Shape shape(int layer) const {
    return layer < 0 ? network_.input : network_.layers[static_cast<std::size_t>(layer)].out;
  }
  std::int64_t channels() {
    return draw_.percent(20) ? draw_.between(1, limits_.channels)
                             : draw_.between(1, std::min<std::int64_t>(7, limits_.channels));
  }

  Layer& append(LayerKind kind, int input) {
    Layer l;
    l.kind = kind;
    l.name = std::string(compiler::name(kind)) + std::to_string(network_.layers.size());
    l.inputs = {input};
    l.in = l.out = shape(input);
    if (kind == LayerKind::kFlatten) l.out = {l.in.size(), 1, 1};
    l.place = "/layers/" + std::to_string(network_.layers.size());
    network_.layers.push_back(l);
    return network_.layers.back();
  }

  void parameters(Layer& l) {
    l.bias = draw_.percent(80);
    l.weight_filler = {Filler::Kind::kGaussian, 0.25};
    if (l.bias && draw_.percent(50)) l.bias_filler = {Filler::Kind::kUniform, 0.5};
    if (draw_.percent(30)) l.weight_lr = 0.5 * static_cast<double>(draw_.between(0, 4));
    if (draw_.percent(30)) l.weight_decay = static_cast<double>(draw_.between(0, 2));
    if (!l.bias) return;
    if (draw_.percent(50)) l.bias_lr = static_cast<double>(draw_.between(0, 2));
    if (draw_.percent(50)) l.bias_decay = static_cast<double>(draw_.between(0, 1));
  }

  void window(Layer& l) {
    const auto axis = [&](std::int64_t size, std::int64_t& kernel, std::int64_t& stride, std::int64_t& pad) {
      kernel = draw_.between(1, std::min<std::int64_t>(4, size));
      stride = draw_.between(1, 3);
      pad = draw_.percent(50) ? draw_.between(0, kernel - 1) : 0;
    };
    axis(l.in.height, l.y.kernel, l.y.stride, l.y.pad);
    axis(l.in.width, l.x.kernel, l.x.stride, l.x.pad);
    const bool pool = l.kind != LayerKind::kConvolution;
    if (!pool) pad_beyond(l);
    l.y.pad_end = l.y.pad;
    l.x.pad_end = l.x.pad;
    if (pool) {
      l.ceil_mode = windows_.percent(30);
      if (l.kind == LayerKind::kAveragePool) l.count_include_pad = windows_.percent(50);
    }
    l.out.height = slide(l.y, l.in.height, l.ceil_mode, pool);
    l.out.width = slide(l.x, l.in.width, l.ceil_mode, pool);
  }

  // Some windows are dilated or padded unevenly, with draws of their own, where all windows of a pool still
  // meet their input. Returns the number of windows.
  std::int64_t slide(compiler::WindowAxis& w, std::int64_t size, bool ceil_mode, bool pool) {
    const compiler::WindowAxis plain = w;
    if (windows_.percent(20)) w.dilation = windows_.between(2, 3);
    if (windows_.percent(20)) w.pad_end = windows_.between(0, 3);
    if (windows_.percent(10)) w.pad = windows_.between(0, 3);
    const auto reach = [&] { return (w.kernel - 1) * w.dilation + 1; };
    const auto meets = [&](std::int64_t window) {
      bool any = false;
      for (std::int64_t k = 0; k < w.kernel; ++k) {
        const std::int64_t at = window * w.stride + k * w.dilation - w.pad;
        any |= at >= 0 && at < size;
      }
      return any;
    };
    const auto windows = [&] {
      std::int64_t n = 0;
      const std::int64_t end = size + w.pad + w.pad_end;
      while (n * w.stride + reach() <= end) ++n;
      // the last one may stick out if it covers more than those before, and begins before the input's end
      if (ceil_mode && n > 0 && (n - 1) * w.stride + reach() < end && n * w.stride < size + w.pad) ++n;
      return n;
    };
    std::int64_t n = windows();
    bool legal = n > 0;
    for (std::int64_t window = 0; pool && window < n; ++window) legal = legal && meets(window);
    if (legal) return n;
    w = plain;
    return windows();
  }

  // Some convolutions have windows that meet nothing but padding; with draws of their own.
  void pad_beyond(Layer& l) {
    const auto axis = [&](std::int64_t kernel, std::int64_t& pad) {
      if (!paddings_.percent(15)) return;
      pad = kernel + (paddings_.percent(20) ? paddings_.between(2, 6) : paddings_.between(0, 1));
    };
    axis(l.y.kernel, l.y.pad);
    axis(l.x.kernel, l.x.pad);
  }

  std::int64_t divisor(std::int64_t number) {
    std::int64_t d = draw_.between(1, number);
    while (number % d != 0) --d;
    return d;
  }

  void fully_connected(std::int64_t outputs) {
    Layer& l = append(LayerKind::kFullyConnected, tip());
    l.y.kernel = l.in.height;
    l.x.kernel = l.in.width;
    l.out = {outputs, 1, 1};
    parameters(l);
  }

  void classifier() {
    if (draw_.percent(50)) {
      if (draw_.percent(50)) append(LayerKind::kFlatten, tip());
      fully_connected(channels());
      if (draw_.percent(60)) append(LayerKind::kRelu, tip());
    } else if (draw_.percent(50)) {
      append(LayerKind::kFlatten, tip());
      if (curves_.percent(30)) curve();
    }
    fully_connected(draw_.between(2, 11));
  }

  // Each pixel of the last tensor has a class; with draws of its own.
  void logits_of_pixels() {
    Layer& l = append(LayerKind::kConvolution, tip());
    for (compiler::WindowAxis* w : {&l.y, &l.x}) {
      w->kernel = 1 + 2 * maps_.between(0, 1);
      w->pad = w->pad_end = w->kernel / 2;
    }
    l.out.channels = maps_.between(2, 11);
    parameters(l);
  }

  void convolution() {
    Layer& l = append(LayerKind::kConvolution, tip());
    window(l);
    l.groups = draw_.percent(40) ? divisor(l.in.channels) : 1;
    l.out.channels = l.groups * std::max<std::int64_t>(1, channels() / l.groups);
    parameters(l);
    if (draw_.percent(40)) append(LayerKind::kRelu, tip());
  }

  // x + convolution(x), whose shapes agree; the inputs in either order.
  void residual() {
    const int source = tip();
    Layer& l = append(LayerKind::kConvolution, source);
    l.y.kernel = 1 + 2 * draw_.between(0, 1);
    l.x.kernel = 1 + 2 * draw_.between(0, 1);
    l.y.pad = l.y.pad_end = l.y.kernel / 2;
    l.x.pad = l.x.pad_end = l.x.kernel / 2;
    parameters(l);
    if (draw_.percent(30)) append(LayerKind::kRelu, tip());
    const int branch = tip();
    Layer& sum = append(LayerKind::kAdd, branch);
    sum.inputs = draw_.percent(50) ? std::vector<int>{source, branch} : std::vector<int>{branch, source};
    if (draw_.percent(50)) append(LayerKind::kRelu, tip());
    if (!draw_.percent(25)) return;
    const int first = tip();  // a third consumer of the source
    append(LayerKind::kAdd, first).inputs = {first, source};
  }

  // Some ReLUs leak; with draws of their own, so that networks are otherwise as without.
  void leak() {
    for (Layer& l : network_.layers) {
      if (l.kind != LayerKind::kRelu || !leaks_.percent(30)) continue;
      l.kind = LayerKind::kLeakyRelu;
      l.name = std::string(compiler::name(l.kind)) + l.name.substr(std::string("relu").size());
      l.negative_slope = leaks_.percent(20) ? 0.01 : 0.125 * static_cast<double>(leaks_.between(0, 8));
    }
  }

  // A function of one value; with draws of their own.
  void curve() {
    constexpr LayerKind kKinds[] = {LayerKind::kClip,    LayerKind::kHardSigmoid, LayerKind::kHardSwish,
                                    LayerKind::kSigmoid, LayerKind::kSwish,       LayerKind::kTanh};
    Layer& l = append(kKinds[curves_.between(0, std::size(kKinds) - 1)], tip());
    if (l.kind != LayerKind::kClip || curves_.percent(20)) return;
    l.least = -0.125 * static_cast<double>(curves_.between(0, 8));
    l.greatest = l.least + 0.125 * static_cast<double>(curves_.between(1, 16));
  }

  // Side by side with other layers of these pixels, or added up with layers of this shape; with draws of its
  // own.
  void join() {
    if (tip() < 0) return;
    const bool sum = joins_.percent(30);
    std::vector<int> others;
    for (int i = -1; i < tip(); ++i) {
      const bool pixels = shape(i).height == shape(tip()).height && shape(i).width == shape(tip()).width;
      if (pixels && (!sum || shape(i).channels == shape(tip()).channels)) others.push_back(i);
    }
    std::vector<int> inputs{tip()};
    for (std::int64_t more = joins_.between(1, 3); more > 0 && !others.empty(); --more) {
      const auto chosen = others.begin() + joins_.between(0, static_cast<std::int64_t>(others.size()) - 1);
      inputs.insert(joins_.percent(50) ? inputs.begin() : inputs.end(), *chosen);
      others.erase(chosen);
    }
    if (inputs.size() == 1) return;
    Layer& l = append(sum ? LayerKind::kAdd : LayerKind::kConcat, inputs[0]);
    l.inputs = inputs;
    l.out.channels = sum ? l.in.channels : 0;
    for (const int input : sum ? std::vector<int>{} : inputs) l.out.channels += shape(input).channels;
    if (joins_.percent(30)) append(LayerKind::kRelu, tip());
  }

  // The tip times one value a channel (squeeze and excitation), or plus it; or times a function of itself.
  void scale() {
    const int source = tip();
    if (scales_.percent(70)) {
      global_average_pool(append(LayerKind::kGlobalAveragePool, source));
      if (scales_.percent(50)) append(LayerKind::kHardSigmoid, tip());
    } else {
      append(LayerKind::kTanh, source);
    }
    const int factor = tip();
    Layer& l = append(scales_.percent(70) ? LayerKind::kMultiply : LayerKind::kAdd, source);
    l.inputs = {source, factor};
    if (scales_.percent(50)) {
      std::swap(l.inputs[0], l.inputs[1]);
      l.in = shape(factor);
    }
    if (scales_.percent(30)) append(LayerKind::kRelu, tip());
  }

  void lrn() {
    Layer& l = append(LayerKind::kLrn, tip());
    if (lrns_.percent(30)) return;  // as it is left out
    l.size = lrns_.between(1, 6);
    l.alpha = 0.25 * static_cast<double>(lrns_.between(0, 4));
    l.beta = 0.25 * static_cast<double>(lrns_.between(0, 5));
    l.k = lrns_.percent(50) ? 2 : 1;
  }

  void loss() {
    const double smoothing = drops_.percent(25) ? drops_.percent(50) ? 0.1 : 0.5 : 0;
    if (losses_.percent(20)) {
      append(LayerKind::kMeanSquaredError, tip());
    } else {
      append(LayerKind::kSoftmaxCrossEntropy, tip()).label_smoothing = smoothing;
    }
  }

  void dropout() {
    append(LayerKind::kDropout, tip()).rate =
        drops_.percent(20) ? 0.1 : 0.125 * static_cast<double>(drops_.between(0, 6));
  }

  void global_average_pool(Layer& l) {
    l.y.kernel = l.in.height;
    l.x.kernel = l.in.width;
    l.out = {l.in.channels, 1, 1};
  }

  // Some outputs are normalised on their way to all that read them, with draws of their own.
  void normalise() {
    std::set<int> flattened;
    for (int i = -1; i < tip(); ++i) {
      if (i >= 0) {
        const Layer& l = network_.layers[static_cast<std::size_t>(i)];
        if (l.kind == LayerKind::kFlatten ||
            (has(l, compiler::kKeepsFlattened) && flattened.count(l.inputs[0]) != 0))
          flattened.insert(i);
      }
      if (flattened.count(i) != 0 || !norms_.percent(12)) continue;
      insert_norm(i);
      ++i;
    }
  }

  void insert_norm(int input) {
    for (Layer& l : network_.layers) {
      for (int& source : l.inputs) source += source >= input ? 1 : 0;
    }
    Layer norm = append(LayerKind::kBatchNorm, input);
    network_.layers.pop_back();
    norm.bias = norms_.percent(80);
    norm.weight_filler = {Filler::Kind::kConstant, 1};
    if (norms_.percent(30)) norm.weight_filler = {Filler::Kind::kUniform, 0.5};
    if (norms_.percent(30)) norm.epsilon = norms_.percent(50) ? 1e-3 : 0.125;
    if (norms_.percent(50)) norm.average_momentum = 0.125 * static_cast<double>(norms_.between(0, 8));
    if (norms_.percent(30)) norm.weight_lr = static_cast<double>(norms_.between(0, 2));
    if (norms_.percent(50)) norm.weight_decay = static_cast<double>(norms_.between(0, 1));
    if (norm.bias && norms_.percent(30)) norm.bias_decay = 0;
    network_.layers.insert(network_.layers.begin() + input + 1, norm);
    for (std::size_t i = 0; i < network_.layers.size(); ++i)
      network_.layers[i].place = "/layers/" + std::to_string(i);
  }

  void pool(LayerKind kind) {
    Layer& l = append(kind, tip());
    window(l);
    if (kind != LayerKind::kAveragePool || !windows_.percent(25)) return;
    l.kind = LayerKind::kGlobalAveragePool;
    l.name = std::string(compiler::name(l.kind)) + std::to_string(tip());
    l.y = l.x = {};
    l.ceil_mode = false;
    l.count_include_pad = true;
    global_average_pool(l);
  }

  void block() {
    const std::int64_t choice = network_.layers.empty() && draw_.percent(70) ? 0 : draw_.between(0, 9);
    if (choice < 4) {
      convolution();
    } else if (choice < 6) {
      residual();
    } else if (choice < 9) {
      pool(choice == 8 ? LayerKind::kAveragePool : LayerKind::kMaxPool);
    } else {
      append(LayerKind::kRelu, tip());
    }
  }

  Draw draw_, leaks_, paddings_, windows_, curves_, joins_, scales_, drops_, lrns_, norms_, losses_, maps_;
  RandomNetworkLimits limits_;
  Network network_;
};

}  // namespace

Network random_network(std::uint32_t seed, const RandomNetworkLimits& limits) {
  for (std::uint32_t attempt = 0;; ++attempt) {
    Builder builder(seed + attempt * 0x10001U, limits);
    Network network = builder.build();
    network.name = "random_" + std::to_string(seed);
    if (builder.products() <= limits.products_an_image) return network;
  }
}

std::string network_json(const Network& network) { return compiler::network_to_json(network).dump(2); }

RandomStep random_step(const Network& network, std::int64_t batch, std::uint32_t seed) {
  Draw draw(seed);
  RandomStep step;
  const auto fill = [&](const std::string& name, std::int64_t size, double bound) {
    std::vector<double>& values = step.tensors[name];
    for (std::int64_t i = 0; i < size; ++i) values.push_back(static_cast<float>(draw.uniform(bound)));
  };
  fill("data", batch * network.input.size(), 1);
  for (const Layer& l : network.layers) {
    if (l.kind == LayerKind::kDropout) {
      std::vector<double>& mask = step.tensors[l.name + ".mask"];
      Draw drops(~seed);
      for (std::int64_t i = 0; i < batch * l.out.size(); ++i)
        mask.push_back(static_cast<double>(drops.between(0, 999)) < 1000 * l.rate
                           ? 0
                           : static_cast<float>(1 / (1 - l.rate)));
    }
    if (!weighted(l)) continue;
    const std::int64_t fan_in = compiler::weights_of_a_channel(l);
    fill(l.name + ".weight", l.out.channels * fan_in, std::sqrt(6.0 / static_cast<double>(fan_in)));
    fill(l.name + ".momentum", l.out.channels * fan_in, 0.01);
    if (has(l, compiler::kNormalises)) {
      fill(l.name + ".running_mean", l.out.channels, 1);
      fill(l.name + ".running_variance", l.out.channels, 1);
    }
    if (!l.bias) continue;
    fill(l.name + ".bias", l.out.channels, 0.5);
    fill(l.name + ".bias_momentum", l.out.channels, 0.01);
  }
  for (std::int64_t n = 0; n < batch * network.labels_an_image(); ++n)
    step.labels.push_back(static_cast<int>(draw.between(0, network.classes() - 1)));
  return step;
}

IntegerNetwork::Formats uniform_formats(const Network& network, const TensorFormat& format) {
  IntegerNetwork::Formats formats;
  formats["data"] = format;
  for (const Layer& l : network.layers) {
    if (has(l, compiler::kIsLoss)) continue;
    formats[l.name + ".activation"] = formats[l.name + ".activation_gradient"] = format;
    for (int k = 1; k <= kMostConsumers; ++k) {
      for (const char* part : {".", ".sum"})
        formats[l.name + ".activation_gradient" + part + std::to_string(k)] = format;
    }
    if (l.kind == LayerKind::kDropout) formats[l.name + ".mask"] = format;
    if (!weighted(l)) continue;
    for (const char* parameter :
         {".weight", ".weight_gradient", ".momentum", ".bias", ".bias_gradient", ".bias_momentum"}) {
      formats[l.name + parameter] = format;
    }
  }
  std::uint32_t slot = 0;
  for (auto& entry : formats) entry.second.slot = slot++;
  for (const Layer& l : network.layers) {
    if (!has(l, compiler::kNormalises)) continue;
    formats[l.name + ".running_mean"] = formats[l.name + ".running_variance"] = TensorFormat();
  }
  return formats;
}

int finest_point(const std::vector<double>& values, int width) {
  double largest = 0x1p-30;
  for (const double v : values) largest = std::max(largest, std::fabs(v));
  return width - 2 - static_cast<int>(std::floor(std::log2(largest)));
}

}  // namespace anzan::reference
