// Structures are taken apart by structured bindings, which no longer compile when one has another member.
#include "sim/configuration/content_key.hpp"

#include <numeric>
#include <type_traits>

#include "sim/configuration/network_file.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

class Content {
 public:
  // One after the other, each in a way that tells where it ends.
  template <class... T>
  void add(const T&... parts) {
    (add_one(parts), ...);
  }
  std::string key() const {
    Sha256 hash;
    hash.add(bytes_);
    return hash.hex();
  }

 private:
  template <class T, std::enable_if_t<std::is_arithmetic_v<T> || std::is_enum_v<T>, int> = 0>
  void add_one(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void add_one(const std::string& text) {
    add(text.size());
    bytes_ += text;
  }
  template <class T>
  void add_one(const std::vector<T>& items) {
    add(items.size());
    for (const T& item : items) add_one(item);
  }
  template <class T, std::size_t n>
  void add_one(const std::array<T, n>& items) {
    for (const T& item : items) add_one(item);
  }
  template <class K, class T>
  void add_one(const std::map<K, T>& items) {
    add(items.size());
    for (const auto& [key, item] : items) add(key, item);
  }
  template <class A, class B>
  void add_one(const std::pair<A, B>& two) {
    add(two.first, two.second);
  }
  template <class T>
  void add_one(const std::optional<T>& value) {
    add(value.has_value());
    if (value) add(*value);
  }
  void add_one(const compiler::Shape& s) {
    const auto& [channels, height, width] = s;
    add(channels, height, width);
  }
  void add_one(const compiler::WindowAxis& w) {
    const auto& [kernel, stride, dilation, pad, pad_end] = w;
    add(kernel, stride, dilation, pad, pad_end);
  }
  void add_one(const compiler::Filler& f) {
    const auto& [kind, value] = f;
    add(kind, value);
  }
  void add_one(const compiler::Layer& l) {
    const auto& [name, kind, inputs, in, out, y, x, groups, ceil_mode, count_include_pad, bias, weight_filler,
                 bias_filler, negative_slope, size, alpha, beta, k, label_smoothing, rate, least, greatest,
                 epsilon, average_momentum, weight_lr, bias_lr, weight_decay, bias_decay, place] = l;
    add(name, kind, inputs, in, out, y, x, groups, ceil_mode, count_include_pad, bias, weight_filler,
        bias_filler, negative_slope, size, alpha, beta, k, label_smoothing, rate, least, greatest, epsilon,
        average_momentum, weight_lr, bias_lr, weight_decay, bias_decay, place);
  }
  void add_one(const compiler::Network& n) {
    const auto& [name, input, scale, offset, mean, deviation, layers, weights, initial] = n;
    add(name, input, scale, offset, mean, deviation, layers, weights, digest_of(initial));
  }
  void add_one(const models::SlotSettings& s) {
    models::SlotSettings::visit_fields([this](const auto&, const auto& field) { add(field); }, s);
  }
  void add_one(const compiler::TensorPrecision& p) {
    const auto& [format, slot] = p;
    add(format, slot);
  }
  void add_one(const compiler::Precision& p) {
    const auto& [classes, separate_master, shares_slots, layers] = p;
    add(classes, separate_master, shares_slots, layers);
  }
  void add_one(const compiler::TrainingParameters& t) {
    const auto& [batch, momentum, weight_decay, optimizer, nesterov, beta1, beta2, epsilon, clip_norm] = t;
    add(batch, momentum, weight_decay, optimizer, nesterov, beta1, beta2, epsilon, clip_norm);
  }
  void add_one(const compiler::HbmSize& h) {
    const auto& [rows, channels, row_bytes] = h;
    add(rows, channels, row_bytes);
  }
  void add_one(const compiler::ChipParameters& c) {
    const auto& [lanes, scratchpad_kib, hbm, slots] = c;
    add(lanes, scratchpad_kib, hbm, slots);
  }
  void add_one(const compiler::Dimension& d) {
    const auto& [size, stride, reversed] = d;
    add(size, stride, reversed);
  }
  void add_one(const compiler::ExchangeParameters& e) {
    const auto& [dimensions, stride, ways, fixed_dimensions, first_dimension, semaphores, format,
                 segment_bytes, stream_bytes, hide_in_backward, hide_in_forward, pipelined,
                 expected_latency_cycles, expected_bytes_per_cycle, payload_bytes, header_bytes,
                 buffer_packets] = e;
    add(dimensions, stride, ways, fixed_dimensions, first_dimension, semaphores, format, segment_bytes,
        stream_bytes, hide_in_backward, hide_in_forward, pipelined, expected_latency_cycles,
        expected_bytes_per_cycle, payload_bytes, header_bytes, buffer_packets);
  }
  void add_one(const compiler::Mapping& m) {
    const auto& [tensor, pipeline, micro_batches, schedule, stage_begin, split] = m;
    add(tensor, pipeline, micro_batches, schedule, stage_begin, split);
  }
  void add_one(const compiler::SystemParameters& s) {
    const auto& [exchange, mapping] = s;
    add(exchange, mapping);
  }
  void add_one(const compiler::MemoryParameters& m) {
    const auto& [places, order, slack_percent, weight_gradient_kib, recompute, budget_bytes] = m;
    add(places, order, slack_percent, weight_gradient_kib, recompute, budget_bytes);
  }
  void add_one(const compiler::Input& i) {
    const auto& [network, precision, training, chip, system, two_steps, memory] = i;
    add(network, precision, training, chip, system, two_steps, memory);
  }

  void add_one(const models::PacketFormat& p) {
    const auto& [payload_bytes, header_bytes] = p;
    add(payload_bytes, header_bytes);
  }
  void add_one(const models::LinkParameters& l) {
    const auto& [bytes, period_fs, latency_fs, buffer_packets] = l;
    add(bytes, period_fs, latency_fs, buffer_packets);
  }
  void add_one(const models::Cable& c) {
    const auto& [a, b, parameters] = c;
    add(a, b, parameters);
  }
  void add_one(const models::TopologyParameters& t) {
    const auto& [kind, sizes, link, cables, failed] = t;
    add(kind, sizes, link, cables, failed);
  }
  void add_one(const models::ChipsParameters& c) {
    const auto& [chips, routing, cores, onchip] = c;
    add(chips, routing, cores, onchip);
  }
  void add_one(const SystemOptions& s) {
    const auto& [chips, cores_per_chip, network, packet, parameters, exchanges] = s;
    add(chips, cores_per_chip, network, packet, parameters, exchanges);
  }

  std::string bytes_;
};

// Everything of an HBM but its times in seconds.
void add_without_times(Content& content, const models::HbmParameters& h) {
  const auto& [channels, width_bits, burst_bytes, bank_groups, banks_per_group, row_bytes, rows,
               interleave_bytes, scheduling, queue_depth, pass_limit, frontend_latency_ns, backend_latency_ns,
               clock_ps, activate_clocks, t_rcd_read, t_rcd_write, t_rp, t_ras, t_rc, t_rrd_s, t_rrd_l, t_faw,
               t_ccd_s, t_ccd_l, t_cl, t_cwl, t_rtw, t_wtr_s, t_wtr_l, t_rtp, t_wr, t_rfc, t_refi] = h;
  static_cast<void>(frontend_latency_ns), static_cast<void>(backend_latency_ns), static_cast<void>(clock_ps);
  content.add(channels, width_bits, burst_bytes, bank_groups, banks_per_group, row_bytes, rows,
              interleave_bytes, scheduling, queue_depth, pass_limit, activate_clocks, t_rcd_read, t_rcd_write,
              t_rp, t_ras, t_rc, t_rrd_s, t_rrd_l, t_faw, t_ccd_s, t_ccd_l, t_cl, t_cwl, t_rtw, t_wtr_s,
              t_wtr_l, t_rtp, t_wr, t_rfc, t_refi);
}

}  // namespace

std::string content_key(const compiler::Input& input) {
  Content content;
  content.add(input);
  return content.key();
}

std::string content_key(const models::clocked::CoreParameters& core) {
  const auto& [lanes, clock_period_fs, queue_depth, dma_outstanding, hbm] = core;
  std::array<std::int64_t, 4> times{clock_period_fs, hbm.clock_fs(),
                                    std::int64_t{hbm.frontend_latency_ns} * 1'000'000,
                                    std::int64_t{hbm.backend_latency_ns} * 1'000'000};
  std::int64_t unit = 0;
  for (const std::int64_t time : times) unit = std::gcd(unit, time);
  for (std::int64_t& time : times) time /= unit;
  Content content;
  content.add(lanes, queue_depth, dma_outstanding, times);
  add_without_times(content, hbm);
  return content.key();
}

// Links have times of their own, so the clock's counts as it is.
std::string content_key(const models::clocked::CoreParameters& core, const SystemOptions& system) {
  Content content;
  content.add(content_key(core), core.clock_period_fs, system);
  return content.key();
}

}  // namespace anzan::sim
