// A row has the same number in every bank of every channel: memory grows by whole rows of all.
#include "compiler/input/hbm_size.hpp"

#include "compiler/input/input_error.hpp"
#include "compiler/input/scratchpad.hpp"

namespace anzan::compiler {

void check_hbm(const ChipParameters& chip, std::int64_t lines, const std::string& for_what) {
  const HbmSize& hbm = chip.hbm;
  const std::int64_t needed = lines * line_bytes(chip), row = hbm.channels * hbm.row_bytes,
                     there = hbm.rows * row;
  if (hbm.rows == 0 || needed <= there) return;
  std::int64_t channels = hbm.channels;
  while (channels * hbm.row_bytes * hbm.rows < needed) channels *= 2;
  std::string expected = "at least " + std::to_string((needed + row - 1) / row) + " for the " +
                         std::to_string(needed) + " bytes of " + for_what + ": HBM has " +
                         std::to_string(there);
  if (channels <= HbmSize::kMostChannels)
    expected += ", and would be large enough with " + std::to_string(channels) + " /chip/hbm/channels";
  throw InputError("/chip/hbm/rows", std::to_string(hbm.rows), expected);
}

}  // namespace anzan::compiler
