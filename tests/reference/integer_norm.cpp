// Batch normalisation: sums of channels, and what is made of them.
#include "tests/reference/integer_norm.hpp"

#include <algorithm>
#include <cmath>

namespace anzan::reference {

using compiler::Layer;

namespace {

struct ChannelSum {
  float of_a = 0, of_products = 0;
};

double values_a_channel(const IntegerState& s, const Layer& l) {
  return static_cast<double>(s.settings.batch * l.out.height * l.out.width);
}

ChannelSum channel_sum(const IntegerState& s, const Layer& l, const std::vector<float>& a,
                       const std::vector<float>& b, std::int64_t channel) {
  constexpr std::int64_t kPiece = 32;
  const std::int64_t pixels = l.out.height * l.out.width;
  Fold sum, products;
  for (std::int64_t lane = 0; lane < std::min(s.settings.lanes, s.settings.batch); ++lane) {
    Fold lane_sum, lane_products;
    for (std::int64_t first = 0; first < pixels; first += kPiece) {
      for (std::int64_t n = lane; n < s.settings.batch; n += s.settings.lanes) {
        Fold piece, piece_products;
        for (std::int64_t p = first; p < std::min(pixels, first + kPiece); ++p) {
          const std::size_t i = at((n * l.out.channels + channel) * pixels + p);
          piece.add(a[i]);
          piece_products.add(a[i] * b[i]);
        }
        lane_sum.add(piece.sum());
        lane_products.add(piece_products.sum());
      }
    }
    sum.add(lane_sum.sum());
    products.add(lane_products.sum());
  }
  return {sum.sum(), products.sum()};
}

}  // namespace

void batch_norm_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  const std::vector<float> x = s.tensor(s.graph.activation(l.inputs.at(0))).reals(),
                           weight = s.tensor(l.name + ".weight").reals();
  const std::vector<float> bias =
      l.bias ? s.tensor(l.name + ".bias").reals() : std::vector<float>(weight.size());
  const std::vector<float> running_mean = s.tensor(l.name + ".running_mean").reals(),
                           running_variance = s.tensor(l.name + ".running_variance").reals();
  const auto share = static_cast<float>(1 / values_a_channel(s, l));
  std::vector<IntegerState::Moments>& moments = s.moments[l.name];
  moments.assign(weight.size(), {});
  std::vector<float> scale, shift;
  for (std::size_t c = 0; c < weight.size(); ++c) {
    IntegerState::Moments& m = moments[c];
    if (s.training) {
      const ChannelSum sum = channel_sum(s, l, x, x, static_cast<std::int64_t>(c));
      m.mean = sum.of_a * share;
      m.variance = std::fma(-m.mean, m.mean, sum.of_products * share);
      if (m.variance < 0) m.variance = 0;
    } else {
      m.mean = running_mean[c];
      m.variance = running_variance[c];
    }
    m.inverse_deviation = inverse_root(m.variance + static_cast<float>(l.epsilon));
    scale.push_back(weight[c] * m.inverse_deviation);
    shift.push_back(std::fma(-m.mean, scale[c], bias[c]));
  }
  s.write(node.activation(), s.graph.image_shape(node.shape),
          [&](std::int64_t i, std::int64_t, std::int64_t c, std::int64_t, std::int64_t) {
            const float y = std::fma(x[at(i)], scale[at(c)], shift[at(c)]);
            return node.fused_relu ? positive_part(y) : static_cast<long double>(y);
          });
}

void batch_norm_gradients(IntegerState& s, const Layer& l, const StoredTensor& dy) {
  const std::vector<float> x = s.tensor(s.graph.activation(l.inputs.at(0))).reals(), gradient = dy.reals();
  std::vector<float> weight, bias;
  for (std::size_t c = 0; c < s.moments.at(l.name).size(); ++c) {
    const ChannelSum sum = channel_sum(s, l, gradient, x, static_cast<std::int64_t>(c));
    IntegerState::Moments& m = s.moments.at(l.name)[c];
    m.sum = sum.of_a;
    m.weight_gradient = std::fma(-m.mean, sum.of_a, sum.of_products) * m.inverse_deviation;
    weight.push_back(m.weight_gradient);
    bias.push_back(m.sum);
  }
  s.write_values(l.name + ".weight_gradient", s.graph.parameter_shape(l, false), weight);
  if (l.bias) s.write_values(l.name + ".bias_gradient", s.graph.parameter_shape(l, true), bias);
}

void batch_norm_data_gradient(IntegerState& s, const Layer& l, const StoredTensor& dy,
                              const IntegerState::Node& target, const std::string& name) {
  const std::vector<float> x = s.tensor(s.graph.activation(l.inputs.at(0))).reals(), gradient = dy.reals(),
                           weight = s.tensor(l.name + ".weight").reals();
  const auto share = static_cast<float>(-1 / values_a_channel(s, l));
  s.write(name, s.graph.image_shape(target.shape),
          [&](std::int64_t i, std::int64_t, std::int64_t channel, std::int64_t, std::int64_t) {
            const IntegerState::Moments& m = s.moments.at(l.name)[at(channel)];
            const float a = weight[at(channel)] * m.inverse_deviation;
            const float b = m.weight_gradient * share * m.inverse_deviation * a;
            const float c = std::fma(-b, m.mean, m.sum * share * a);
            return static_cast<long double>(std::fma(gradient[at(i)], a, std::fma(x[at(i)], b, c)));
          });
}

void update_averages(IntegerState& s, const Layer& l) {
  const double m = values_a_channel(s, l), momentum = l.average_momentum;
  const auto average = [&](const std::string& name, float IntegerState::Moments::*value, double share) {
    std::vector<float> averages = s.tensor(name).reals();
    for (std::size_t c = 0; c < averages.size(); ++c) {
      const float part = s.moments.at(l.name)[c].*value * static_cast<float>(share);
      averages[c] = std::fma(averages[c], static_cast<float>(1 - momentum), part);
    }
    s.write_values(name, s.graph.parameter_shape(l, true), averages);
  };
  average(l.name + ".running_mean", &IntegerState::Moments::mean, momentum);
  average(l.name + ".running_variance", &IntegerState::Moments::variance,
          m > 1 ? momentum * m / (m - 1) : momentum);
}

}  // namespace anzan::reference
