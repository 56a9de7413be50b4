#include "producer/producer.h"

#include <algorithm>
#include <vector>

namespace loadgen {
namespace {

// Enough to make locks cheap at millions a second; small enough that a batch is a fraction of a
// millisecond's work. Measured on null: with 10 producers and 5 consumers.
constexpr std::size_t kMostTickets = 512;

}  // namespace

// With a small channel, large batches would be a second, hidden channel.
std::size_t tickets_at_a_time(std::uint64_t queue_capacity, std::uint32_t producers) {
  return std::clamp<std::size_t>(queue_capacity / producers, 1, kMostTickets);
}

PushStatus produce(const ProducerTools& tools, std::uint32_t producer, ProducerAccount& account,
                   const std::stop_token& retire) {
  const std::span<Ticket> tickets = account.slots();
  std::vector<Message> batch(tickets.size());
  for (;;) {
    const std::size_t count = tools.tickets.acquire(tickets, retire);
    if (count == 0 || !account.take(count)) return PushStatus::kDone;
    for (std::size_t i = 0; i < count; ++i) {
      tools.generator.generate(tickets[i].sequence, producer, batch[i].text);
      batch[i].sequence = tickets[i].sequence;
      batch[i].producer = producer;
      batch[i].due = tickets[i].due;
    }
    const TimePoint created = tools.clock.now();
    for (std::size_t i = 0; i < count; ++i) batch[i].created = created;

    if (!account.begin_push()) return PushStatus::kDone;
    const PushResult pushed = tools.channel.push(std::span(batch).first(count));
    if (!account.pushed(pushed)) return PushStatus::kDone;
    if (pushed.status != PushStatus::kDone) {
      const auto rest =
          std::span<const Message>(batch).subspan(pushed.accepted, count - pushed.accepted);
      const auto lost = tools.custody.keep(rest);
      if (!account.kept_all_but(lost)) return PushStatus::kDone;
      for (const LostMessages& messages : lost) tools.unsent.add(messages);
      return pushed.status;
    }
  }
}

std::vector<Message> make_again(const Generator& generator, std::span<const Ticket> tickets,
                                std::uint32_t producer, TimePoint created) {
  std::vector<Message> made(tickets.size());
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    made[i].sequence = tickets[i].sequence;
    made[i].producer = producer;
    made[i].due = tickets[i].due;
    made[i].created = created;
    generator.generate(tickets[i].sequence, producer, made[i].text);
  }
  return made;
}

}  // namespace loadgen
