#include "producer/producer.h"

#include <algorithm>
#include <vector>

namespace loadgen {
namespace {

// Enough to make locks cheap at millions a second; small enough that a batch is a fraction of a
// millisecond's work. Measured on null: with 10 producers and 5 consumers.
constexpr std::size_t kMostTickets = 512;

}  // namespace

// Beside a small channel large batches would be a second, hidden one.
std::size_t tickets_at_a_time(std::uint64_t queue_capacity, std::uint32_t producers) {
  return std::clamp<std::size_t>(queue_capacity / producers, 1, kMostTickets);
}

void produce(const ProducerContext& context, std::uint32_t producer, ProducerAccount& account) {
  const std::span<Ticket> tickets = account.slots();
  std::vector<Message> batch(tickets.size());
  for (;;) {
    const std::size_t count = context.tickets.acquire(tickets);
    if (count == 0 || !account.take(count)) return;
    for (std::size_t i = 0; i < count; ++i) {
      context.generator.generate(tickets[i].sequence, producer, batch[i].text);
      batch[i].sequence = tickets[i].sequence;
      batch[i].producer = producer;
      batch[i].spooled = false;  // as whoever had this buffer before may have left it
      batch[i].due = tickets[i].due;
    }
    const TimePoint created = context.clock.now();
    for (std::size_t i = 0; i < count; ++i) batch[i].created = created;

    if (!account.begin_push()) return;
    const PushResult pushed = context.channel.push(std::span(batch).first(count));
    if (!account.pushed(pushed)) return;
    if (pushed.status != PushStatus::kDone) {
      const auto rest =
          std::span<const Message>(batch).subspan(pushed.accepted, count - pushed.accepted);
      const auto lost = context.channel.keep(rest);
      if (!account.kept_all_but(lost)) return;
      for (const LostMessages& messages : lost) context.on_unsent(messages);
      if (pushed.status != PushStatus::kClosed) context.on_refused(pushed.status);
      return;
    }
  }
}

}  // namespace loadgen
