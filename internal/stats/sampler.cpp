#include "stats/sampler.h"

#include <utility>

namespace loadgen {

void Sampler::watch(ProducerMeter& meter) {
  const std::lock_guard lock(mutex_);
  producers_.push_back(&meter);
}

void Sampler::watch(ConsumerMeter& meter) {
  const std::lock_guard lock(mutex_);
  consumers_.push_back(&meter);
}

void Sampler::unwatch(ProducerMeter& meter) {
  const std::lock_guard lock(mutex_);
  meter.drain(total_);
  std::erase(producers_, &meter);
}

void Sampler::unwatch(ConsumerMeter& meter) {
  const std::lock_guard lock(mutex_);
  meter.drain(total_);
  std::erase(consumers_, &meter);
}

Sampler::Counted Sampler::tick() {
  const std::lock_guard lock(mutex_);
  gather_locked();
  return {total_.produced, total_.ends};
}

Sample Sampler::finish() {
  const std::lock_guard lock(mutex_);
  gather_locked();
  producers_.clear();
  consumers_.clear();
  return std::move(total_);
}

void Sampler::gather_locked() {
  for (ProducerMeter* const meter : producers_) meter->drain(total_);
  for (ConsumerMeter* const meter : consumers_) meter->drain(total_);
}

}  // namespace loadgen
