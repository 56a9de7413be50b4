#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "fuzz.h"
#include "spool/spool_store.h"

using namespace loadgen;

namespace {

constexpr std::uint64_t kMessages = 20;

std::string text_of(std::uint64_t sequence) { return "text " + std::to_string(sequence * 7919); }

std::string file_name() {
  const auto name = "loadgen-spool-fuzz." + std::to_string(getpid());
  return (std::filesystem::temp_directory_path() / name).string();
}

void remove_files() {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(file_name() + suffix);
  }
}

// A spool as a run that was killed leaves it.
std::string sound_file() {
  remove_files();
  {
    SpoolStore store(file_name());
    const SpooledRun run{.run_id = 7, .target = "a target", .seed = 1, .message_size = 64};
    std::vector<Message> messages(kMessages);
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      messages[i].sequence = i;
      messages[i].text = text_of(i);
    }
    store.begin();
    store.add_run(run);
    store.insert(run, messages);
    store.fix(7, 0, std::span(messages).first(5));
    store.remove(7, {5, 6}, SpoolEnd::kGivenUp);
    store.commit();
  }
  std::ostringstream bytes;
  bytes << std::ifstream(file_name(), std::ios::binary).rdbuf();
  return bytes.str();
}

void read_all(const std::string& path) {
  SpoolStore store(path);
  store.put_away_orphans();
  for (const SpooledRun& run : store.runs({})) {
    require(run.run_id == 7 && run.target == "a target" && run.message_size == 64,
            "what is said of a run is what was written");
    for (const Message& message : store.read(run, {0, INT64_MAX}, 1000).messages) {
      require(message.sequence < kMessages && message.text == text_of(message.sequence),
              "a message that is not damaged is the one that was written");
    }
    for (const auto& frame : store.fixed_frames(run.run_id).frames) {
      require(frame.id == 0 && frame.members == std::vector<SequenceRange>{{0, 5}},
              "a frame that is not damaged is the one that was written");
    }
    (void)store.accepted(run.run_id);
    (void)store.given_up(run.run_id);
    (void)store.count(run.run_id);
  }
}

}  // namespace

// Each three bytes change one of the file: two say which, one how; the last two cut it off.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string sound = sound_file();
  std::string bytes = sound;
  const auto place = [&](const std::uint8_t* at) {
    return static_cast<std::size_t>(at[0] << 8 | at[1]) % bytes.size();
  };
  for (std::size_t i = 0; i + 3 <= size; i += 3) {
    char& byte = bytes[place(data + i)];
    byte = static_cast<char>(byte ^ data[i + 2]);
  }
  if (size % 3 == 2) bytes.resize(place(data + size - 2));
  remove_files();
  std::ofstream(file_name(), std::ios::binary) << bytes;
  try {
    read_all(file_name());
  } catch (const UsageError&) {  // not a spool any more
  } catch (const SetupError&) {  // damaged, and said so
  }
  return 0;
}
