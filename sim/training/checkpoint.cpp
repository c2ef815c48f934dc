// The whole file is built in memory and checked as a whole before anything of it is used.
#include "sim/training/checkpoint.hpp"

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

#include "compiler/input/input_error.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Json = nlohmann::json;

// The number of the format: another one where blocks are laid out differently.
constexpr std::string_view kMagic = "anzan checkpoint ", kFormat = "3\n";
constexpr std::size_t kDigest = 64;  // hexadecimal digits

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

}  // namespace

void save_checkpoint(const std::filesystem::path& file, const std::string& identity, const Json& header,
                     Trainer& trainer) {
  std::string content = std::string(kMagic) + std::string(kFormat);
  put_block(content, identity.data(), identity.size());
  const std::string text = header.dump();
  put_block(content, text.data(), text.size());
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

Json load_checkpoint(const std::filesystem::path& file, const std::string& identity, Trainer& trainer) {
  const std::string place = file.string();
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw InputError(place, "no checkpoint", "the checkpoint of an earlier run to resume");
  const std::string content{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const InputError damaged(place, "a damaged checkpoint",
                           "a whole checkpoint of this version of the simulator");
  const std::size_t start = kMagic.size() + kFormat.size();
  if (content.size() < start + kDigest || content.compare(0, kMagic.size(), kMagic) != 0) throw damaged;
  if (content.compare(kMagic.size(), kFormat.size(), kFormat) != 0)
    throw InputError(place, "a checkpoint of another version of the simulator",
                     "one of this version; leave out --resume to start anew");
  const std::size_t end = content.size() - kDigest;
  if (Sha256::of(content.data(), end) != content.substr(end)) throw damaged;
  try {
    BlockReader blocks(content, start, end);
    if (blocks.take() != identity) {
      throw InputError(place, "a checkpoint of another configuration or data set",
                       "one of this configuration; leave out --resume to start anew");
    }
    Json header = Json::parse(blocks.take());
    models::SettingsStore settings;
    models::StatisticsDatabase statistics;
    settings.deserialise(bytes_of(blocks.take()));
    statistics.deserialise(bytes_of(blocks.take()));
    const std::string semaphores = blocks.take();
    std::vector<std::string> tensors;
    for_each_persistent(trainer, [&](const std::uint8_t*, std::size_t bytes) {
      tensors.push_back(blocks.take());
      if (tensors.back().size() != bytes) throw std::length_error("tensor");
    });
    models::Core& core = trainer.core();
    if (semaphores.size() != sizeof core.semaphores) throw std::length_error("semaphores");
    std::memcpy(core.semaphores.data(), semaphores.data(), semaphores.size());
    core.settings = settings;
    core.statistics = statistics;
    auto tensor = tensors.begin();
    for_each_persistent(trainer, [&](std::uint8_t* data, std::size_t bytes) {
      std::memcpy(data, (tensor++)->data(), bytes);
    });
    trainer.spread();
    return header;
  } catch (const std::logic_error&) {  // length_error, invalid_argument of deserialise
    throw damaged;
  } catch (const Json::exception&) {
    throw damaged;
  }
}

}  // namespace anzan::sim
