// Finds the rows of a refused frame that the database will never accept, and lets all others be
// stored. It says which piece of the frame to write next, as a transaction of its own, and is told
// the outcome. A row is poison only when it was refused alone, twice. Pieces come from left to
// right, except for deferred ones, and no row is written twice. A pure state machine: not
// thread-safe, never blocks, allocates for the poison it finds and for some log2(rows) pieces.
//
// Among n rows, k poisonous ones are found in at most 2 k ceil(log2 n) + k + 1 pieces by bisection,
// and in at most 4 k + 1 when each refusal names the first bad row of its piece. Wrong names cost
// at most 3 k + 3 pieces more than bisection, and never change the result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace loadgen {

class PoisonIsolation {
 public:
  struct Piece {
    std::size_t first;  // row of the frame, from 0
    std::size_t count;
  };

  // The first piece is the whole frame. If the frame was refused already, call refused() at once,
  // without writing it again.
  explicit PoisonIsolation(std::size_t rows);

  // The piece to write now; nullopt = done. It stays the same until written(), refused() or defer()
  // is called; after any other outcome, such as an outage, write it again.
  [[nodiscard]] std::optional<Piece> next() const;
  // next() is committed.
  void written();
  // next() cannot be judged now: it comes once more, after all others.
  void defer();
  [[nodiscard]] bool may_defer() const;
  // next() was refused for its data. `row`, from 0 within the piece, is the one the database named,
  // if it named one.
  void refused(std::optional<std::size_t> row);

  // Neither written nor poison so far; next() is the last of them.
  [[nodiscard]] std::vector<Piece> pending() const;
  // The poison rows found so far, in that order.
  [[nodiscard]] std::span<const std::size_t> poison() const { return poison_; }

 private:
  void refused_alone();
  void push(Piece piece);

  struct Pending {
    Piece piece;
    bool was_deferred = false;
  };
  std::vector<Pending> pending_;  // a stack: the leftmost is the last
  std::vector<std::size_t> poison_;
  std::uint32_t refusals_alone_ = 0;  // of the single row that is next
  // The row last named, until it has proved to be bad. Until then other names are ignored, and for
  // ever if the row was written.
  std::optional<std::size_t> named_;
};

}  // namespace loadgen
