// Reads and writes each key of a layer in one place, so that neither can forget what the other knows.
#include "compiler/input/layer_keys.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace anzan::compiler {
namespace {

using Json = nlohmann::json;

// One number for both directions, or [height, width].
void read_pair(KeyReading& r, std::int64_t least, std::int64_t& h, std::int64_t& w) {
  h = r.value.is_array() ? r.value.at(0).get<std::int64_t>() : r.value.get<std::int64_t>();
  w = r.value.is_array() ? r.value.at(1).get<std::int64_t>() : h;
  if (h >= least && w >= least) return;
  r.fail("", shown_json(r.value), "at least " + std::to_string(least));
  h = std::max(h, least);
  w = std::max(w, least);
}

// The shape rule works out "same" and "same_lower".
void read_padding(KeyReading& r) {
  Layer& l = r.layer;
  if (r.value.is_string()) return;
  if (!r.value.is_array() || r.value.size() == 2) {
    read_pair(r, 0, l.y.pad, l.x.pad);
    l.y.pad_end = l.y.pad;
    l.x.pad_end = l.x.pad;
    return;
  }
  if (r.value.size() != 4)
    return r.fail("", shown_json(r.value), "one number, [height, width] or [top, left, bottom, right]");
  std::int64_t* const sides[] = {&l.y.pad, &l.x.pad, &l.y.pad_end, &l.x.pad_end};
  for (std::size_t side = 0; side < 4; ++side) *sides[side] = r.value.at(side).get<std::int64_t>();
}

void read_groups(KeyReading& r) {
  r.layer.groups = r.value.get<std::int64_t>();
  if (r.layer.groups < 1) r.fail("", shown_json(r.value), "at least 1");
}

void read_slope(KeyReading& r) {
  double& slope = r.layer.negative_slope;
  slope = r.value.get<double>();
  if (slope >= 0 && slope <= 1) return;  // what is not below zero is then the larger of x and slope * x
  r.fail("", shown_json(r.value), "a number from 0 to 1");
  slope = 0;
}

template <double Layer::*member>
void read_share(KeyReading& r) {
  double& share = r.layer.*member;
  share = r.value.get<double>();
  if (share >= 0 && share < 1) return;
  r.fail("", shown_json(r.value), "a number from 0 to below 1");
  share = 0;
}

void read_size(KeyReading& r) {
  r.layer.size = r.value.get<std::int64_t>();
  if (r.layer.size < 1) r.fail("", shown_json(r.value), "at least 1");
}

// Such that powers stay normal numbers.
template <double Layer::*member>
void read_of_lrn(KeyReading& r) {
  const double least = member == &Layer::k ? 1e-6 : 0, greatest = member == &Layer::beta ? 2 : 1e6;
  r.layer.*member = r.value.get<double>();
  if (r.layer.*member >= least && r.layer.*member <= greatest) return;
  r.fail("", shown_json(r.value), "a number from " + shown_json(least) + " to " + shown_json(greatest));
  r.layer.*member = 1;
}

// Added to a variance before its root is taken: above zero, and no smaller than what roots are made for.
void read_epsilon(KeyReading& r) {
  constexpr double kLeast = 1e-12;
  double& epsilon = r.layer.epsilon;
  epsilon = r.value.get<double>();
  if (epsilon >= kLeast && epsilon <= 1) return;
  r.fail("", shown_json(r.value), "a number from 1e-12 to 1");
  epsilon = 1;
}

void read_average_momentum(KeyReading& r) {
  double& momentum = r.layer.average_momentum;
  momentum = r.value.get<double>();
  if (momentum >= 0 && momentum <= 1) return;
  r.fail("", shown_json(r.value), "a number from 0 to 1");
  momentum = 0;
}

void read_filler(KeyReading& r, Filler& filler) {
  const auto kind = r.value.at("kind").get<std::string>();
  const auto* row = std::find_if(std::begin(kFillerKinds), std::end(kFillerKinds),
                                 [&](const FillerTraits& f) { return kind == f.name; });
  if (row == std::end(kFillerKinds)) return r.fail("/kind", shown_json(r.value.at("kind")), "a known filler");
  filler = {row->kind, r.value.value("value", 0.0)};
  if (row->takes_value && !r.value.contains("value"))
    r.fail("/value", "nothing", "a number: filler " + kind + " needs it");
  if (!row->takes_value && r.value.contains("value")) {
    r.fail("/value", shown_json(r.value.at("value")),
           "no such key: filler " + kind + " takes its range from the layer");
  }
  if (row->takes_value && !row->of_either_sign && filler.value < 0)
    r.fail("/value", shown_json(r.value.at("value")), "a number, at least 0");
}

Json filler_json(const Filler& filler) {
  const FillerTraits& row = kFillerKinds[static_cast<std::size_t>(filler.kind)];
  Json json{{"kind", row.name}};
  if (row.takes_value) json["value"] = filler.value;
  return json;
}

void check_bias(KeyReading& r) {
  if (!r.layer.bias) r.fail("", shown_json(r.value), "no such key where bias is false");
}

template <double Layer::*member>
void read_number(KeyReading& r) {
  r.layer.*member = r.value.get<double>();
}

template <double Layer::*member>
void read_of_bias(KeyReading& r) {
  r.layer.*member = r.value.get<double>();
  check_bias(r);
}

template <class Value>
Json of_bias(const Layer& l, const Value& value) {
  return l.bias ? Json(value) : Json();
}

template <auto member>
Json written(const Layer& l) {
  return Json(l.*member);
}

}  // namespace

void KeyReading::fail(const std::string& below, const std::string& found, const std::string& expected) {
  findings.push_back({layer.place + "/" + key + below, found, expected});
}

const std::vector<LayerKey>& layer_keys() {
  using R = KeyReading;
  static const std::vector<LayerKey> keys{
      // what `channels` may be, the shapes say
      {"channels", kTakesChannels, true, [](R&) {}, [](const Layer& l) { return Json(l.out.channels); }},
      {"kernel", kTakesWindow, true, [](R& r) { read_pair(r, 1, r.layer.y.kernel, r.layer.x.kernel); },
       [](const Layer& l) {
         return Json{l.y.kernel, l.x.kernel};
       }},
      {"stride", kTakesWindow, false, [](R& r) { read_pair(r, 1, r.layer.y.stride, r.layer.x.stride); },
       [](const Layer& l) {
         return Json{l.y.stride, l.x.stride};
       }},
      {"padding", kTakesWindow, false, read_padding,
       [](const Layer& l) {
         return Json{l.y.pad, l.x.pad, l.y.pad_end, l.x.pad_end};
       }},
      {"dilation", kTakesWindow, false, [](R& r) { read_pair(r, 1, r.layer.y.dilation, r.layer.x.dilation); },
       [](const Layer& l) {
         return Json{l.y.dilation, l.x.dilation};
       }},
      {"ceil_mode", kPools, false, [](R& r) { r.layer.ceil_mode = r.value.get<bool>(); },
       written<&Layer::ceil_mode>},
      {"count_include_pad", kAverages, false, [](R& r) { r.layer.count_include_pad = r.value.get<bool>(); },
       written<&Layer::count_include_pad>},
      {"groups", kTakesGroups, false, read_groups, written<&Layer::groups>},
      {"negative_slope", kTakesSlope, false, read_slope, written<&Layer::negative_slope>},
      {"size", kMeetsChannels, false, read_size, written<&Layer::size>},
      {"alpha", kMeetsChannels, false, read_of_lrn<&Layer::alpha>, written<&Layer::alpha>},
      {"beta", kMeetsChannels, false, read_of_lrn<&Layer::beta>, written<&Layer::beta>},
      {"k", kMeetsChannels, false, read_of_lrn<&Layer::k>, written<&Layer::k>},
      {"label_smoothing", kTakesSmoothing, false, read_share<&Layer::label_smoothing>,
       written<&Layer::label_smoothing>},
      {"rate", kTakesRate, false, read_share<&Layer::rate>, written<&Layer::rate>},
      {"min", kTakesLimits, false, read_number<&Layer::least>, written<&Layer::least>},
      {"max", kTakesLimits, false, read_number<&Layer::greatest>, written<&Layer::greatest>},
      {"epsilon", kNormalises, false, read_epsilon, written<&Layer::epsilon>},
      {"momentum", kNormalises, false, read_average_momentum, written<&Layer::average_momentum>},
      {"bias", kHasWeights, false, [](R& r) { r.layer.bias = r.value.get<bool>(); }, written<&Layer::bias>},
      {"weight_filler", kHasWeights, false, [](R& r) { read_filler(r, r.layer.weight_filler); },
       [](const Layer& l) { return filler_json(l.weight_filler); }},
      {"bias_filler", kHasWeights, false,
       [](R& r) {
         read_filler(r, r.layer.bias_filler);
         check_bias(r);
       },
       [](const Layer& l) { return of_bias(l, filler_json(l.bias_filler)); }},
      {"weight_lr", kHasWeights, false, read_number<&Layer::weight_lr>, written<&Layer::weight_lr>},
      {"bias_lr", kHasWeights, false, read_of_bias<&Layer::bias_lr>,
       [](const Layer& l) { return of_bias(l, l.bias_lr); }},
      {"weight_decay", kHasWeights, false, read_number<&Layer::weight_decay>, written<&Layer::weight_decay>},
      {"bias_decay", kHasWeights, false, read_of_bias<&Layer::bias_decay>,
       [](const Layer& l) { return of_bias(l, l.bias_decay); }},
  };
  return keys;
}

}  // namespace anzan::compiler
