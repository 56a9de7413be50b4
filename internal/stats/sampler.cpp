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
  meter.drain(open_);
  std::erase(producers_, &meter);
}

void Sampler::unwatch(ConsumerMeter& meter) {
  const std::lock_guard lock(mutex_);
  meter.drain(open_);
  std::erase(consumers_, &meter);
}

Sampler::Counted Sampler::counted() {
  const std::lock_guard lock(mutex_);
  gather_locked();
  Counted counted;
  for (const Sample* const part : {&totals_.warmup, &totals_.measured, &open_}) {
    counted.produced += part->produced;
    counted.ends += part->ends;
  }
  return counted;
}

const Sample& Sampler::close_interval() {
  closed_.clear();
  const std::lock_guard lock(mutex_);
  gather_locked();
  std::swap(open_, closed_);
  totals_.measured.merge(closed_);
  return closed_;
}

void Sampler::end_warmup() {
  const std::lock_guard lock(mutex_);
  totals_.warmup = std::exchange(totals_.measured, Sample());
}

Sampler::Totals Sampler::finish() {
  const std::lock_guard lock(mutex_);
  gather_locked();
  totals_.measured.merge(open_);
  open_.clear();
  producers_.clear();
  consumers_.clear();
  return std::move(totals_);
}

void Sampler::gather_locked() {
  for (ProducerMeter* const meter : producers_) meter->drain(open_);
  for (ConsumerMeter* const meter : consumers_) meter->drain(open_);
}

}  // namespace loadgen
