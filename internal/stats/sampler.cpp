#include "stats/sampler.h"

#include <utility>

namespace loadgen {

void Sampler::watch(Meter& meter) {
  const std::lock_guard lock(mutex_);
  meters_.push_back(&meter);
}

Sampler::Counted Sampler::tick() {
  const std::lock_guard lock(mutex_);
  gather_locked();
  return {total_.produced, total_.ends};
}

Sample Sampler::finish() {
  const std::lock_guard lock(mutex_);
  gather_locked();
  meters_.clear();
  return std::move(total_);
}

void Sampler::gather_locked() {
  for (Meter* const meter : meters_) {
    meter->drain(spare_);
    total_.merge(spare_);
    spare_.clear();
  }
}

}  // namespace loadgen
