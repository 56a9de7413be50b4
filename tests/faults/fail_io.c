// Between a program and libc: writes, syncs or locks of one file and its journals fail.
//
// FAIL_IO="OPERATION FIRST COUNT ERRNO" (write, sync or lock; COUNT 0 = for ever), FAIL_IO_FILE = what
// the files' paths begin with, FAIL_IO_TOLD = a file that gets a line for each failure. A write
// that fails has written its first half. ERRNO 0: the call never returns, whatever interrupts it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;

static int is_ours(int file) {
  const char* prefix = getenv("FAIL_IO_FILE");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  return prefix != NULL && length >= (ssize_t)strlen(prefix) &&
         memcmp(path, prefix, strlen(prefix)) == 0;
}

// Whether this call is one of those that fail; errno is set then.
static int fails(const char* operation, int file) {
  char wanted[16];
  long first, count;
  int error;
  const char* plan = getenv("FAIL_IO");
  if (plan == NULL || sscanf(plan, "%15s %ld %ld %d", wanted, &first, &count, &error) != 4)
    return 0;
  if (strcmp(wanted, operation) != 0 || !is_ours(file)) return 0;
  const long nth = ++calls;
  if (nth < first || (count != 0 && nth >= first + count)) return 0;
  const char* told = getenv("FAIL_IO_TOLD");
  const int note = told == NULL ? -1 : open(told, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (note >= 0) {
    dprintf(note, "%s %ld\n", operation, nth);
    close(note);
  }
  while (error == 0) pause();
  errno = error;
  return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void* bytes, size_t count) {
  if (!fails("write", file)) return REAL(write)(file, bytes, count);
  const int error = errno;
  if (REAL(write)(file, bytes, count / 2) < 0) return -1;
  errno = error;
  return -1;
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
  if (!fails("write", file)) return REAL(pwrite)(file, bytes, count, at);
  const int error = errno;
  if (REAL(pwrite)(file, bytes, count / 2, at) < 0) return -1;
  errno = error;
  return -1;
}

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
  if (!fails("write", file)) return REAL(pwrite64)(file, bytes, count, at);
  const int error = errno;
  if (REAL(pwrite64)(file, bytes, count / 2, at) < 0) return -1;
  errno = error;
  return -1;
}

int ftruncate(int file, off_t size) {
  return fails("write", file) ? -1 : REAL(ftruncate)(file, size);
}

int ftruncate64(int file, off64_t size) {
  return fails("write", file) ? -1 : REAL(ftruncate64)(file, size);
}

int fsync(int file) { return fails("sync", file) ? -1 : REAL(fsync)(file); }

int fdatasync(int file) { return fails("sync", file) ? -1 : REAL(fdatasync)(file); }

int flock(int file, int how) { return fails("lock", file) ? -1 : REAL(flock)(file, how); }
