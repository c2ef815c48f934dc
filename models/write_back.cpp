// Binds the output of an instruction to the settings of its slot.
#include "models/write_back.hpp"

#include <string>

#include "models/instruction_error.hpp"
#include "models/number_format.hpp"
#include "models/random.hpp"

namespace anzan::models {

kernels::Output plan_output(isa::Format format, const isa::Mask& mask, bool relu, bool analyse,
                            std::int32_t lane_stride, int lanes) {
  if (mask.lane_count < 1) throw InstructionError("mask.lane_count", "0", "at least 1");
  if (mask.lane_first + mask.lane_count > lanes)
    throw InstructionError("mask", "lanes up to " + std::to_string(mask.lane_first + mask.lane_count - 1),
                           "lanes below " + std::to_string(lanes));
  kernels::Output output{};
  output.format = format;
  output.relu = relu;
  output.analyse = analyse;
  output.lane_first = mask.lane_first;
  output.lane_count = mask.lane_count;
  output.width = isa::kWidthMax;
  output.lane_stride = static_cast<std::uint32_t>(lane_stride);
  return output;
}

bool past_caches(isa::Format format, const isa::Address& o, const MemorySizes& sizes) {
  return o.base >= row_of_line(format, sizes.scratchpad_lines) && sizes.hbm_leaves_caches();
}

void bind_output(kernels::Output& output, int slot, Core& core) {
  const SlotSettings& settings = core.settings.slot(slot);
  output.memory = core.scratchpad();
  output.key = random_key(core.settings.seed(), core.settings.step(), static_cast<std::uint32_t>(slot));
  if (!is_integer(output.format)) return;
  if (!holds_width(output.format, settings.width))
    throw InstructionError("slot_o",
                           "slot " + std::to_string(slot) + " of width " + std::to_string(settings.width),
                           std::string("a width that fits ") + isa::name(output.format));
  output.width = settings.width;
  output.q = settings.q_write;
  output.rounding = settings.rounding;
}

void add_counts(LocalStatistics& statistics, const kernels::Counts& counts) {
  statistics.values += counts.values;
  statistics.zeros += counts.zeros;
  statistics.saturated_high += counts.saturated_high;
  statistics.saturated_low += counts.saturated_low;
  statistics.underflows += counts.underflows;
  for (std::size_t bin = 0; bin < statistics.histogram.size(); ++bin)
    statistics.histogram[bin] += counts.histogram[bin];
}

}  // namespace anzan::models
