// Between a program and libc: the wall clock is a year ahead when it starts, and steps forth and
// back each 0.2 s; all other clocks are left alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static time_t step_s(void) {
  static const time_t steps_s[] = {365 * 86400L, -3600, 30, -86400, 0, 10 * 365 * 86400L, -30};
  static struct timespec began;
  struct timespec now;
  REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
  if (began.tv_sec == 0) began = now;
  const long passed_ms =
      (now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000;
  return steps_s[(size_t)(passed_ms / 200) % (sizeof steps_s / sizeof *steps_s)];
}

// Before main: the first step is the one that it starts with.
__attribute__((constructor)) static void begin(void) { step_s(); }

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = REAL(clock_gettime)(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    now->tv_sec += step_s();
  }
  return result;
}

time_t time(time_t* stored) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (stored != NULL) *stored = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval* now, void* zone) {
  const int result = REAL(gettimeofday)(now, zone);
  if (result == 0) now->tv_sec += step_s();
  return result;
}
