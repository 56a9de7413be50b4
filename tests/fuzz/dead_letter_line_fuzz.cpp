#include <nlohmann/json.hpp>
#include <tuple>

#include "base/text_limit.h"
#include "delivery/letter_file.h"
#include "fuzz.h"
#include "sink/target_config.h"

using namespace loadgen;

namespace {

auto members(const DeadLetter& letter) {
  return std::tie(letter.run_id, letter.sequence, letter.producer, letter.text, letter.due,
                  letter.created, letter.attempts, letter.error.code, letter.error.message,
                  letter.error.constraint, letter.frame);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = as_text(data, size);

  if (const auto letter = from_json_line(input)) {
    const std::string line = to_json_line(*letter);
    const auto again = from_json_line(line);
    require(line.find('\n') + 1 == line.size(), "a letter is one line");
    require(again && members(*again) == members(*letter), "a letter survives being written");
    require(to_json_line(*again) == line, "a letter is written in one way");
    require(letter->run_id >= 0 && letter->sequence <= INT64_MAX && letter->producer <= INT32_MAX,
            "a letter's numbers fit the table");
    const auto json = nlohmann::json::parse(input);
    require(json.at("version") == (letter->frame ? 2 : 1), "only a letter with a frame has one");
    require(json.at("sequence") == letter->sequence && json.at("producer") == letter->producer &&
                json.at("attempts") == letter->attempts &&
                json.at("due_us") == unix_microseconds(letter->due) &&
                json.at("created_us") == unix_microseconds(letter->created),
            "a letter's numbers are those of the line");
  }

  // Whatever the text and the database's words are made of.
  const DeadLetter written{.text = std::string(input), .error = {.message = std::string(input)}};
  const auto read = from_json_line(to_json_line(written));
  if (input.size() <= kLongestText) {
    require(read && read->text == input, "a text survives being written");
  } else {
    require(!read, "a text that no column holds is no letter's");
  }
  return 0;
}
