// The whole file is built in memory and checked as a whole before anything of it is used.
#include "sim/training/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/json_input.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/host/input_file.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Json = nlohmann::json;

// The number of the format: another one where blocks are laid out differently.
constexpr std::string_view kMagic = "anzan checkpoint ", kFormat = "4\n";
constexpr std::size_t kDigest = 64;  // hexadecimal digits
constexpr std::size_t kMostCheckpointBytes = std::size_t{1} << 40;

void put_block(std::string& file, const void* data, std::size_t bytes) {
  std::uint64_t size = bytes;
  for (int k = 0; k < 8; ++k, size >>= 8) file += static_cast<char>(size & 0xffU);
  file.append(static_cast<const char*>(data), bytes);
}

// Blocks of a file whose digest has been checked, in order.
class BlockReader {
 public:
  BlockReader(const std::string& file, std::size_t at, std::size_t end) : file_(file), at_(at), end_(end) {}
  std::string take() {
    std::uint64_t size = 0;
    if (end_ - at_ < 8) throw std::length_error("block");
    for (std::size_t k = 0; k < 8; ++k)
      size |= std::uint64_t{static_cast<unsigned char>(file_[at_ + k])} << (8 * k);
    at_ += 8;
    if (size > end_ - at_) throw std::length_error("block");
    at_ += size;
    return file_.substr(at_ - size, size);
  }
  void finish() const {
    if (at_ != end_) throw std::length_error("more blocks");
  }

 private:
  const std::string& file_;
  std::size_t at_, end_;
};

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

// Calls action(pointer, bytes) for each tensor that lives from step to step.
template <class Action>
void for_each_persistent(Trainer& trainer, const Action& action) {
  const std::int64_t line_bytes = trainer.core().line_bytes();
  for (const compiler::TensorInfo& tensor : trainer.model().tensors) {
    if (!tensor.persistent) continue;
    action(trainer.core().hbm() + tensor.hbm_line * line_bytes,
           static_cast<std::size_t>(tensor.lines * line_bytes));
  }
}

// What the configuration has said of a slot, without what is found in training.
models::SlotSettings configured(models::SlotSettings slot) {
  const models::SlotSettings none;
  slot.q_read = none.q_read;
  slot.q_write = none.q_write;
  slot.updates = none.updates;
  slot.age = none.age;
  slot.history = none.history;
  slot.history_count = none.history_count;
  return slot;
}

// Settings that the compiled network cannot have.
void check_settings(const models::SettingsStore& settings, const compiler::CompiledModel& model) {
  for (std::size_t s = 0; s < model.slots.size(); ++s) {
    if (!(configured(settings.slot(static_cast<int>(s))) == configured(model.slots[s].settings)))
      throw std::invalid_argument("slot");
  }
}

// All is read, and checked, before the first bit of the trainer changes.
void restore_core(BlockReader& blocks, Trainer& trainer) {
  models::SettingsStore settings(trainer.model().chip.slots);
  models::StatisticsDatabase statistics(trainer.model().chip.slots);
  settings.deserialise(bytes_of(blocks.take()));
  check_settings(settings, trainer.model());
  statistics.deserialise(bytes_of(blocks.take()));
  const std::string semaphores = blocks.take();
  std::vector<std::string> tensors;
  for_each_persistent(trainer, [&](const std::uint8_t*, std::size_t bytes) {
    tensors.push_back(blocks.take());
    if (tensors.back().size() != bytes) throw std::length_error("tensor");
  });
  blocks.finish();
  models::Core& core = trainer.core();
  if (semaphores.size() != sizeof core.semaphores) throw std::length_error("semaphores");
  if (std::any_of(semaphores.begin(), semaphores.end(), [](char c) { return c != 0; }))
    throw std::invalid_argument("semaphores");  // between two programs all are zero
  std::memcpy(core.semaphores.data(), semaphores.data(), semaphores.size());
  core.settings = settings;
  core.statistics = statistics;
  auto tensor = tensors.begin();
  for_each_persistent(
      trainer, [&](std::uint8_t* data, std::size_t bytes) { std::memcpy(data, (tensor++)->data(), bytes); });
  trainer.spread();
}

}  // namespace

void save_checkpoint(const std::filesystem::path& file, const Json& identity, const Json& header,
                     Trainer& trainer) {
  std::string content = std::string(kMagic) + std::string(kFormat);
  for (const Json* json : {&identity, &header}) {
    const std::string text = json->dump();
    put_block(content, text.data(), text.size());
  }
  trainer.collect();
  models::Core& core = trainer.core();
  const std::vector<std::uint8_t> settings = core.settings.serialise(),
                                  statistics = core.statistics.serialise();
  put_block(content, settings.data(), settings.size());
  put_block(content, statistics.data(), statistics.size());
  put_block(content, core.semaphores.data(), sizeof core.semaphores);
  for_each_persistent(trainer,
                      [&](const std::uint8_t* data, std::size_t bytes) { put_block(content, data, bytes); });
  content += Sha256::of(content.data(), content.size());
  write_file_atomically(file, content);
}

Json load_checkpoint(const std::filesystem::path& file, const HeaderCheck& check, Trainer& trainer) {
  const std::string place = file.string();
  std::error_code error;
  if (!std::filesystem::exists(file, error))
    throw InputError(place, "no checkpoint", "the checkpoint of an earlier run");
  const std::string content = read_whole(file, "a checkpoint", kMostCheckpointBytes);
  const InputError damaged(place, "a damaged checkpoint",
                           "a whole checkpoint of this version of the simulator");
  const std::size_t start = kMagic.size() + kFormat.size();
  if (content.size() < start + kDigest || content.compare(0, kMagic.size(), kMagic) != 0) throw damaged;
  if (content.compare(kMagic.size(), kFormat.size(), kFormat) != 0)
    throw InputError(place, "a checkpoint of another version of the simulator",
                     "one of this version; --restart begins anew");
  const std::size_t end = content.size() - kDigest;
  if (Sha256::of(content.data(), end) != content.substr(end)) throw damaged;
  try {
    BlockReader blocks(content, start, end);
    const Json identity = parse_json(blocks.take(), place);
    Json header = parse_json(blocks.take(), place);
    check(identity, header);
    restore_core(blocks, trainer);
    return header;
  } catch (const std::logic_error&) {  // length_error, invalid_argument of deserialise
    throw damaged;
  } catch (const Json::exception&) {
    throw damaged;
  }
}

}  // namespace anzan::sim
