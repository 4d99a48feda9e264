/*
 * Makes the disk of one process slow: an LD_PRELOAD shim that sleeps SLOW_FSYNC_MS milliseconds (default 2) behind every call that
 * returns only when data is durable: fsync, fdatasync, sync_file_range, msync(MS_SYNC), and the write calls on descriptors opened with
 * O_SYNC or O_DSYNC. A cloud disk takes 0.5 to 2 ms where the disk of a test machine may take 0.07.
 *
 * The real call is made first, so that nothing becomes less durable, and errno is kept. It must never change what a call returns.
 * Writes that a kernel ring (io_uring) makes are not seen: whoever uses the shim has to turn such rings off.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void slow_down(void) {
  static volatile long delay_ns = -1;
  int saved = errno;
  if (delay_ns < 0) {
    const char *text = getenv("SLOW_FSYNC_MS");
    delay_ns = (long)((text == NULL ? 2.0 : atof(text)) * 1e6);
  }
  struct timespec rest = {delay_ns / 1000000000L, delay_ns % 1000000000L};
  while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
  }
  errno = saved;
}

/* The library's own function behind ours; looked up once for each, an idempotent race between threads. */
#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* Whether a write on `fd` is durable when it returns. O_SYNC includes the bit of O_DSYNC. Sockets and pipes never have it. */
static int is_durable(int fd) {
  int saved = errno;
  int flags = fcntl(fd, F_GETFL);
  errno = saved;
  return flags != -1 && (flags & O_DSYNC) != 0;
}

#define SLOW_IF(condition, call) \
  do { \
    __typeof__(call) result = (call); \
    if (condition) slow_down(); \
    return result; \
  } while (0)

int fsync(int fd) {
  REAL(fsync);
  SLOW_IF(1, real(fd));
}

int fdatasync(int fd) {
  REAL(fdatasync);
  SLOW_IF(1, real(fd));
}

int sync_file_range(int fd, off64_t offset, off64_t length, unsigned int flags) {
  REAL(sync_file_range);
  SLOW_IF(flags & SYNC_FILE_RANGE_WAIT_AFTER, real(fd, offset, length, flags));
}

int msync(void *address, size_t length, int flags) {
  REAL(msync);
  SLOW_IF(flags & MS_SYNC, real(address, length, flags));
}

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(write);
  SLOW_IF(is_durable(fd), real(fd, bytes, length));
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  REAL(pwrite);
  SLOW_IF(is_durable(fd), real(fd, bytes, length, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  REAL(pwrite64);
  SLOW_IF(is_durable(fd), real(fd, bytes, length, offset));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  SLOW_IF(is_durable(fd), real(fd, parts, count));
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  REAL(pwritev);
  SLOW_IF(is_durable(fd), real(fd, parts, count, offset));
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  REAL(pwritev64);
  SLOW_IF(is_durable(fd), real(fd, parts, count, offset));
}

ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
  REAL(pwritev2);
  SLOW_IF((flags & RWF_DSYNC) != 0 || is_durable(fd), real(fd, parts, count, offset, flags));
}
