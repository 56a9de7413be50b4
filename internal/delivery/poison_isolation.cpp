#include "delivery/poison_isolation.h"

#include <algorithm>
#include <cassert>

namespace loadgen {

PoisonIsolation::PoisonIsolation(std::size_t rows) { push({0, rows}); }

std::optional<PoisonIsolation::Piece> PoisonIsolation::next() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.back().piece;
}

void PoisonIsolation::written() {
  assert(!pending_.empty());
  pending_.pop_back();
  refusals_alone_ = 0;
}

bool PoisonIsolation::may_defer() const {
  return pending_.size() > 1 && !pending_.back().was_deferred;
}

void PoisonIsolation::defer() {
  assert(may_defer());
  pending_.back().was_deferred = true;
  std::rotate(pending_.begin(), pending_.end() - 1, pending_.end());
  refusals_alone_ = 0;
}

std::vector<PoisonIsolation::Piece> PoisonIsolation::pending() const {
  std::vector<Piece> pieces;
  for (const Pending& pending : pending_) pieces.push_back(pending.piece);
  return pieces;
}

void PoisonIsolation::refused(std::optional<std::size_t> row) {
  assert(!pending_.empty());
  const Piece piece = pending_.back().piece;
  if (piece.count == 1) {
    refused_alone();
    return;
  }
  pending_.pop_back();
  // Follow one name at a time. If the last name was right, the rows before it are good, so a
  // refusal here shows that it was wrong. Following wrong names would take rows off an end of the
  // piece one by one.
  if (row && *row < piece.count && !named_) {
    const std::size_t named = piece.first + *row;
    named_ = named;
    push({named + 1, piece.count - *row - 1});
    push({named, 1});
    push({piece.first, *row});
    return;
  }
  const std::size_t half = piece.count / 2;
  push({piece.first + half, piece.count - half});
  push({piece.first, half});
}

void PoisonIsolation::refused_alone() {
  if (++refusals_alone_ < 2) return;
  const std::size_t row = pending_.back().piece.first;
  pending_.pop_back();
  refusals_alone_ = 0;
  if (named_ == row) named_.reset();
  poison_.push_back(row);
}

void PoisonIsolation::push(Piece piece) {
  if (piece.count > 0) pending_.push_back({piece});
}

}  // namespace loadgen
