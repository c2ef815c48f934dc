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

void read_padding(KeyReading& r) {
  Layer& l = r.layer;
  read_pair(r, 0, l.pad_h, l.pad_w);
  // products with padding are zeros; of padding alone there is no maximum and no average
  if (!has(l, kContracts) && (l.pad_h >= l.kernel_h || l.pad_w >= l.kernel_w))
    r.fail("", shown_json(r.value), "less than the kernel, so that each window meets its input");
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

}  // namespace

void KeyReading::fail(const std::string& below, const std::string& found, const std::string& expected) {
  findings.push_back({layer.place + "/" + key + below, found, expected});
}

const std::vector<LayerKey>& layer_keys() {
  using R = KeyReading;
  static const std::vector<LayerKey> keys{
      // what `channels` may be, the shapes say
      {"channels", kTakesChannels, true, [](R&) {}, [](const Layer& l) { return Json(l.out.channels); }},
      {"kernel", kTakesWindow, true, [](R& r) { read_pair(r, 1, r.layer.kernel_h, r.layer.kernel_w); },
       [](const Layer& l) {
         return Json{l.kernel_h, l.kernel_w};
       }},
      {"stride", kTakesWindow, false, [](R& r) { read_pair(r, 1, r.layer.stride_h, r.layer.stride_w); },
       [](const Layer& l) {
         return Json{l.stride_h, l.stride_w};
       }},
      {"padding", kTakesWindow, false, read_padding,
       [](const Layer& l) {
         return Json{l.pad_h, l.pad_w};
       }},
      {"groups", kTakesGroups, false, read_groups, [](const Layer& l) { return Json(l.groups); }},
      {"negative_slope", kTakesSlope, false, read_slope,
       [](const Layer& l) { return Json(l.negative_slope); }},
      {"bias", kHasWeights, false, [](R& r) { r.layer.bias = r.value.get<bool>(); },
       [](const Layer& l) { return Json(l.bias); }},
      {"weight_filler", kHasWeights, false, [](R& r) { read_filler(r, r.layer.weight_filler); },
       [](const Layer& l) { return filler_json(l.weight_filler); }},
      {"bias_filler", kHasWeights, false,
       [](R& r) {
         read_filler(r, r.layer.bias_filler);
         check_bias(r);
       },
       [](const Layer& l) { return of_bias(l, filler_json(l.bias_filler)); }},
      {"weight_lr", kHasWeights, false, read_number<&Layer::weight_lr>,
       [](const Layer& l) { return Json(l.weight_lr); }},
      {"bias_lr", kHasWeights, false, read_of_bias<&Layer::bias_lr>,
       [](const Layer& l) { return of_bias(l, l.bias_lr); }},
      {"weight_decay", kHasWeights, false, read_number<&Layer::weight_decay>,
       [](const Layer& l) { return Json(l.weight_decay); }},
      {"bias_decay", kHasWeights, false, read_of_bias<&Layer::bias_decay>,
       [](const Layer& l) { return of_bias(l, l.bias_decay); }},
  };
  return keys;
}

}  // namespace anzan::compiler
