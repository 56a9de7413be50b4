// A real file for unsent messages, and what a worker has put into it.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>

#include "delivery/letter_file.h"
#include "delivery/unsent_box.h"
#include "support/temp_dir.h"

namespace loadgen {

struct UnsentLetters {
  struct Counted {
    std::size_t all = 0;
    std::size_t in_doubt = 0;  // of a frame that may have been stored
  };
  [[nodiscard]] Counted count() const {
    Counted counted;
    if (!std::filesystem::exists(dir.file("unsent.jsonl"))) return counted;
    CHECK(read_dead_letters(dir.file("unsent.jsonl"), [&](const DeadLetter& letter) {
            ++counted.all;
            if (letter.error.code == "in_doubt") ++counted.in_doubt;
          }) == 0);
    return counted;
  }

  TempDir dir;
  UnsentBox box{dir.file("unsent.jsonl"), {}};
};

}  // namespace loadgen
