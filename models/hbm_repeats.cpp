// Few rows at a time: they are looked for one by one, the newest first.
#include "models/hbm_repeats.hpp"

#include <algorithm>
#include <utility>

namespace anzan::models {

HbmNames::HbmNames(std::size_t channels, std::size_t groups, std::size_t banks)
    : banks_a_channel_(banks), channels_(channels), banks_(channels * banks) {
  for (Channel& c : channels_) c.groups.resize(groups);
}

void HbmNames::clear() {
  order_.clear();
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    channels_[c].order.clear();
    for (Group& g : channels_[c].groups) {
      for (const std::size_t b : g.order) {
        Bank& bank = banks_[c * banks_a_channel_ + b];
        bank.number = -1;
        bank.rows.clear();
      }
      g.order.clear();
    }
  }
}

std::size_t HbmNames::number_in(std::vector<std::size_t>& order, std::size_t what) {
  const auto found = std::find(order.begin(), order.end(), what);
  const auto number = static_cast<std::size_t>(found - order.begin());
  if (found == order.end()) order.push_back(what);
  return number;
}

std::int32_t HbmNames::bank(std::size_t channel, std::size_t bank) {
  Bank& named = banks_[channel * banks_a_channel_ + bank];
  if (named.number >= 0) return named.number;
  Channel& c = channels_[channel];
  const std::size_t group = bank & (c.groups.size() - 1);
  c.number = number_in(order_, channel);
  c.groups[group].number = number_in(c.order, group);
  const std::size_t in_group = number_in(c.groups[group].order, bank);
  return named.number =
             static_cast<std::int32_t>((c.number * kMost + c.groups[group].number) * kMost + in_group);
}

std::size_t HbmNames::bank_at(std::int32_t number) const {
  const auto n = static_cast<std::size_t>(number);
  const Channel& c = channels_[order_[n / kMost / kMost]];
  return c.groups[c.order[n / kMost % kMost]].order[n % kMost];
}

std::int32_t HbmNames::find_row(std::size_t channel, std::size_t bank, std::int32_t row) const {
  const std::vector<std::int32_t>& rows = banks_[channel * banks_a_channel_ + bank].rows;
  auto number = static_cast<std::int32_t>(rows.size());
  while (--number >= 0 && rows[static_cast<std::size_t>(number)] != row) {
  }
  return number;
}

std::int32_t HbmNames::row(std::size_t channel, std::size_t bank, std::int32_t row) {
  const std::int32_t known = find_row(channel, bank, row);
  if (known >= 0) return known;
  std::vector<std::int32_t>& rows = banks_[channel * banks_a_channel_ + bank].rows;
  rows.push_back(row);
  return static_cast<std::int32_t>(rows.size()) - 1;
}

void HbmNames::name_channels() {
  for (std::size_t c = 0; c < channels_.size(); ++c) channels_[c].number = number_in(order_, c);
}

void HbmNames::name_groups(std::size_t channel) {
  for (std::size_t g = 0; g < channels_[channel].groups.size(); ++g) number_in(channels_[channel].order, g);
}

const HbmRepeats::After* HbmRepeats::find(const std::vector<std::int32_t>& before) const {
  const auto found = seen_.find(before);
  return found == seen_.end() ? nullptr : &found->second;
}

void HbmRepeats::add(std::vector<std::int32_t> before, After after) {
  if (numbers_ > kMostNumbers) {
    seen_.clear();
    numbers_ = 0;
  }
  numbers_ += before.size() + after.state.size();
  seen_.emplace(std::move(before), std::move(after));
}

}  // namespace anzan::models
