// Numbers are changed where programs go in and where rows of puts come out.
#include "sim/verify/numbered_core.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace anzan::sim {

NumberedCore::NumberedCore(std::unique_ptr<RtlCore> core, std::vector<int> numbers)
    : core_(std::move(core)), numbers_(std::move(numbers)) {
  set_number(0);
}

void NumberedCore::begin(const isa::Program& program, models::Core& core) {
  isa::Program numbered = program;
  for (isa::Instruction& instruction : numbered) {
    if (auto* const put = std::get_if<isa::Put>(&instruction))
      put->core = static_cast<std::uint16_t>(numbers_.at(put->core));
  }
  core_->begin(numbered, core);
}

bool NumberedCore::cycle(std::int64_t number) {
  const bool ends = core_->cycle(number);
  const PutRow* const row = core_->sent();
  sends_ = row != nullptr;
  if (!sends_) return ends;
  sent_ = *row;
  const auto receiver = std::find(numbers_.begin(), numbers_.end(), row->receiver);
  if (receiver == numbers_.end())
    throw std::logic_error("network unit: RTL puts to core " + std::to_string(row->receiver) + " in cycle " +
                           std::to_string(number) + ", which there is not");
  sent_.receiver = static_cast<int>(receiver - numbers_.begin());
  return ends;
}

}  // namespace anzan::sim
