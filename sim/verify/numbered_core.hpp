// A core of the RTL under another number than the one that programs and engines know it by, so that all bits
// of numbers of cores are looked at, though there are one or two.
#pragma once
#include <memory>
#include <vector>

#include "sim/rtl/core.hpp"

namespace anzan::sim {

class NumberedCore : public RtlCore {
 public:
  // What others call core k is numbers[k] to the RTL. The core is number 0 until it is told another.
  NumberedCore(std::unique_ptr<RtlCore> core, std::vector<int> numbers);

  void wave(const std::string& file) override { core_->wave(file); }
  void log(models::BlockLog* log) override { core_->log(log); }
  std::vector<std::vector<std::uint32_t>> state() override { return core_->state(); }
  void load(const models::Core& core, SlotRange slots) override { core_->load(core, slots); }
  void store(models::Core& core, SlotRange slots) override { core_->store(core, slots); }
  void begin(const isa::Program& program, models::Core& core) override;
  // Throws std::logic_error also where the core puts to one that nobody knows.
  bool cycle(std::int64_t number) override;
  void set_number(int number) override { core_->set_number(numbers_.at(static_cast<std::size_t>(number))); }
  void arrive(const PutRow& row) override { core_->arrive(row); }
  const PutRow* sent() const override { return sends_ ? &sent_ : nullptr; }
  models::ProgramTiming timing(std::int64_t last) override { return core_->timing(last); }

 private:
  std::unique_ptr<RtlCore> core_;
  std::vector<int> numbers_;
  bool sends_ = false;
  PutRow sent_;
};

}  // namespace anzan::sim
