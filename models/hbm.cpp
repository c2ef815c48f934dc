// Between the core and the channels: addresses to banks, cycles to clocks, and the order of a walk.
#include "models/hbm.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace anzan::models {
namespace {

int log2_of(std::int64_t power) { return __builtin_ctzll(static_cast<std::uint64_t>(power)); }

// Of non-negative numbers. The divisor is mostly one: clocks are whole multiples of each other.
std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  if (b == 1) return a;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a + b - 1) / static_cast<std::uint64_t>(b));
}

void require(bool condition, const char* text) {
  if (!condition) throw std::invalid_argument(text);
}

const HbmParameters& checked(const HbmParameters& parameters, int lanes) {
  std::string text;
  for (const HbmFinding& f : check(parameters, lanes)) {
    text += (text.empty() ? "HBM: " : "; ") + f.field + " is " + f.found + ", expected " + f.expected;
  }
  if (!text.empty()) throw std::invalid_argument(text);
  return parameters;
}

}  // namespace

Hbm::Hbm(const HbmParameters& parameters, int lanes, std::int64_t core_clock_fs)
    : p_(checked(parameters, lanes)),
      core_time_(core_clock_fs),
      clock_time_(parameters.clock_fs()),
      front_time_(std::int64_t{parameters.frontend_latency_ns} * 1000000),
      back_time_(std::int64_t{parameters.backend_latency_ns} * 1000000),
      channels_(static_cast<std::size_t>(parameters.channels), HbmChannel(parameters)) {
  require(core_clock_fs >= 1, "HBM: the period of the core's clock is below 1 fs");
  const std::int64_t unit = std::gcd(std::gcd(core_time_, clock_time_), std::gcd(front_time_, back_time_));
  for (std::int64_t* time : {&core_time_, &clock_time_, &front_time_, &back_time_}) *time /= unit;
  const int line_bytes = 4 * lanes;
  const int unit_bytes = std::max(line_bytes, p_.burst_bytes);
  lines_ = p_.bytes() / line_bytes;
  bursts_ = unit_bytes / p_.burst_bytes;
  line_shift_ = log2_of(line_bytes);
  unit_shift_ = log2_of(unit_bytes);
  interleave_shift_ = log2_of(p_.interleave_bytes);
  channel_shift_ = log2_of(p_.channels);
  group_shift_ = log2_of(p_.bank_groups);
  column_shift_ = log2_of(p_.row_bytes / unit_bytes);
  bank_shift_ = log2_of(p_.banks_per_group);
}

void Hbm::reset() {
  for (HbmChannel& channel : channels_) channel.reset();
  presented_cycle_ = retired_cycle_ = -1;
  cycle_ = 0;
  ready_.clear();
}

// From the top of a byte address: row, bank of its group, column, bank group, bytes of a line (or a burst);
// with the number of the channel in the middle, above interleave_bytes. The bank is permuted by the row, so
// that strides of powers of two meet all banks (Zhang, Zhu, Zhang: permutation-based page interleaving, MICRO
// 2000).
Hbm::Place Hbm::place(std::int64_t line, bool write) const {
  if (line < 0 || line >= lines_) {
    throw std::invalid_argument("HBM: line " + std::to_string(line) + " is outside [0, " +
                                std::to_string(lines_) + ")");
  }
  const auto take = [](std::int64_t& rest, int bits) {
    const int low = static_cast<int>(rest & ((std::int64_t{1} << bits) - 1));
    rest >>= bits;
    return low;
  };
  std::int64_t rest = line << line_shift_;
  const int low = take(rest, interleave_shift_);
  Place place;
  place.channel = static_cast<std::size_t>(take(rest, channel_shift_));
  rest = ((rest << interleave_shift_) | low) >> unit_shift_;
  const int group = take(rest, group_shift_);
  place.access.column = take(rest, column_shift_) * bursts_;
  const int bank = take(rest, bank_shift_);
  place.access.row = static_cast<int>(rest);
  place.access.bank = static_cast<std::int16_t>(
      (bank ^ (place.access.row & (p_.banks_per_group - 1))) << group_shift_ | group);
  place.access.bursts = static_cast<std::int16_t>(bursts_);
  place.access.write = write;
  return place;
}

std::int64_t Hbm::clocks_before(std::int64_t cycle) const {
  return clock_time_ == 1 ? cycle * core_time_ : cycle * core_time_ / clock_time_;
}

std::int64_t Hbm::arrival_clock(std::int64_t cycle) const {
  return divide_up(cycle * core_time_ + front_time_, clock_time_);
}

std::int64_t Hbm::room_cycle(std::int64_t departure_clock) const {
  return divide_up((departure_clock + 1) * clock_time_, core_time_);
}

std::int64_t Hbm::done_cycle(const HbmDeparture& departure) const {
  const std::int64_t clock = departure.clock + (departure.write ? p_.t_cwl : p_.t_cl) + p_.burst_clocks();
  return divide_up(clock * clock_time_ + back_time_, core_time_);
}

void Hbm::begin(const LineWalk& walk, std::int64_t count) {
  require(count >= 1, "HBM: a walk has at least one line");
  require(walk.outstanding >= 1, "HBM: a walk has at least one request under way");
  require(walk.first_cycle >= cycle_, "HBM: a walk begins before what has already happened");
  for (const HbmChannel& channel : channels_) require(channel.idle(), "HBM: requests are still under way");
  require(ready_.empty(), "HBM: completions have not been collected");
  std::int64_t size = 1;
  while (size < std::min<std::int64_t>(walk.outstanding, count)) size *= 2;
  if (static_cast<std::int64_t>(flights_.size()) < size) flights_.resize(static_cast<std::size_t>(size));
  ring_mask_ = static_cast<std::int64_t>(flights_.size()) - 1;
  walk_ = walk;
  presented_cycle_ = retired_cycle_ = walk.first_cycle - 1;
  retired_ = 0;
}

void Hbm::issue(std::int64_t number, std::int64_t line) {
  Place where = place(line, walk_.write);
  std::int64_t cycle = presented_cycle_ + 1;
  if (number >= walk_.outstanding) {
    retire_next();
    cycle = std::max(cycle, retired_cycle_ + 1);
  }
  HbmChannel& channel = channels_[where.channel];
  if (channel.full()) {
    channel.run(clocks_before(cycle));
    if (channel.full()) {
      channel.run_until_departure();
      cycle = room_cycle(channel.departures().back().clock);
    }
    note_departures(channel);
  }
  where.access.id = number;
  where.access.arrival_clock = arrival_clock(cycle);
  flights_[static_cast<std::size_t>(number & ring_mask_)] = {0, where.channel};
  channel.push(where.access);
  if (requests_ != nullptr) requests_->push_back({cycle, line, walk_.write});
  presented_cycle_ = cycle;
}

std::int64_t Hbm::finish(std::int64_t count) {
  while (retired_ < count) retire_next();
  cycle_ = retired_cycle_;
  return retired_cycle_;
}

// A channel that runs ahead to give the oldest request's last command misses nothing: no request can be
// presented before that one has retired, or has left room.
void Hbm::retire_next() {
  const Flight& flight = flights_[static_cast<std::size_t>(retired_ & ring_mask_)];
  HbmChannel& channel = channels_[flight.channel];
  while (flight.done == 0) {
    channel.run_until_departure();
    note_departures(channel);
  }
  retired_cycle_ = std::max(flight.done, retired_cycle_ + 1);
  ++retired_;
}

void Hbm::note_departures(HbmChannel& channel) {
  for (const HbmDeparture& departure : channel.departures()) {
    flights_[static_cast<std::size_t>(departure.id & ring_mask_)].done = done_cycle(departure);
  }
  channel.departures().clear();
}

bool Hbm::can_accept(std::int64_t cycle, std::int64_t line) {
  HbmChannel& channel = channels_[place(line, false).channel];
  gather(cycle);
  return !channel.full();
}

void Hbm::present(std::int64_t cycle, std::int64_t line, bool write, std::int64_t id) {
  Place where = place(line, write);
  gather(cycle);
  require(!channels_[where.channel].full(), "HBM: the channel has no room for the request");
  where.access.id = id;
  where.access.arrival_clock = arrival_clock(cycle);
  channels_[where.channel].push(where.access);
  if (requests_ != nullptr) requests_->push_back({cycle, line, write});
}

std::vector<HbmCompletion> Hbm::collect(std::int64_t cycle) {
  gather(cycle);
  const auto later = std::partition(ready_.begin(), ready_.end(), [&](const HbmCompletion& completion) {
    return completion.cycle <= cycle;
  });
  std::vector<HbmCompletion> now(ready_.begin(), later);
  ready_.erase(ready_.begin(), later);
  std::sort(now.begin(), now.end(), [](const HbmCompletion& a, const HbmCompletion& b) {
    return std::pair(a.cycle, a.id) < std::pair(b.cycle, b.id);
  });
  return now;
}

void Hbm::advance(std::int64_t cycle) { gather(cycle); }

void Hbm::gather(std::int64_t cycle) {
  require(cycle >= cycle_, "HBM: cycles must not go back");
  cycle_ = cycle;
  for (HbmChannel& channel : channels_) {
    channel.run(clocks_before(cycle));
    for (const HbmDeparture& departure : channel.departures()) {
      ready_.push_back({departure.id, done_cycle(departure)});
    }
    channel.departures().clear();
  }
}

HbmCounters Hbm::counters() const {
  HbmCounters sum;
  for (const HbmChannel& channel : channels_) {
    const HbmCounters& c = channel.counters();
    sum.read_requests += c.read_requests;
    sum.write_requests += c.write_requests;
    sum.read_bytes += c.read_bytes;
    sum.written_bytes += c.written_bytes;
    sum.activations += c.activations;
    sum.row_hits += c.row_hits;
    sum.refreshes += c.refreshes;
    sum.data_bus_busy_clocks += c.data_bus_busy_clocks;
  }
  return sum;
}

void Hbm::log_commands(int number, std::vector<HbmCommand>* log) {
  channels_.at(static_cast<std::size_t>(number)).set_log(log);
}

}  // namespace anzan::models
